import { LITTLE_ENDIAN } from "../conntrack/netlink-attribute.ts";

/** Flags of struct nlmsghdr (include/uapi/linux/netlink.h). */
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
const NLM_F_REQUEST = 0x1;
/** Sizes of struct nlmsghdr and struct nfgenmsg. */
const NLMSGHDR = 16;
const NFGENMSG = 4;

export interface NetlinkRequest {
  type: number;
  flags?: number;
  sequence: number;
}

/** A request of nothing but its header (struct nlmsghdr), which only its acknowledgement answers. */
export const netlinkRequest = (request: NetlinkRequest): Uint8Array => bytesOf(request, NLMSGHDR);

/** A request of netfilter: struct nlmsghdr and struct nfgenmsg, whose family 0 asks for all. */
export const netfilterRequest = (request: NetlinkRequest): Uint8Array =>
  bytesOf(request, NLMSGHDR + NFGENMSG);

function bytesOf({ type, flags = 0, sequence }: NetlinkRequest, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, NLM_F_REQUEST | flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  return bytes;
}
