import { ORIG_DST, ORIG_SRC, REPLY_SRC } from "./entry.ts";
import { attributeEnd, attributeType, type Message, NLATTR, padded } from "./netlink-attribute.ts";

/** enum ctattr_tuple and those nested in it (include/uapi/linux/netfilter/nfnetlink_conntrack.h). */
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_TUPLE_ZONE = 3;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V6_SRC = 3;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMP_TYPE = 5;
const CTA_PROTO_ICMP_CODE = 6;
const CTA_PROTO_ICMPV6_ID = 7;
const CTA_PROTO_ICMPV6_TYPE = 8;
const CTA_PROTO_ICMPV6_CODE = 9;
/** Attributes of CTA_TUPLE_PROTO that hold one byte, as bits; the rest hold two. */
const ONE_BYTE =
  (1 << CTA_PROTO_NUM) |
  (1 << CTA_PROTO_ICMP_TYPE) |
  (1 << CTA_PROTO_ICMP_CODE) |
  (1 << CTA_PROTO_ICMPV6_TYPE) |
  (1 << CTA_PROTO_ICMPV6_CODE);

/** What of a tuple was found; a row needs all of it in both directions. */
const HAS_SRC = 1;
const HAS_DST = 2;
const HAS_PROTOCOL = 4;
export const COMPLETE = HAS_SRC | HAS_DST | HAS_PROTOCOL;
/** What the readers of nests give back instead where attributes do not fit into each other. */
const MALFORMED = 8;

/** Fills one direction of the entry; COMPLETE where all of it was there and fits. */
export function readTuple(message: Message, start: number, end: number, reply: boolean): number {
  let found = 0;
  let at = start;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(message.view, at, end);
    if (stop === 0) return MALFORMED;
    const type = attributeType(message.view, at);
    if (type === CTA_TUPLE_IP)
      found |= readAddresses(message, at + NLATTR, stop, reply ? REPLY_SRC : ORIG_SRC);
    else if (type === CTA_TUPLE_PROTO) found |= readProtocol(message, at + NLATTR, stop, reply);
    else if (type === CTA_TUPLE_ZONE && !readTupleZone(message, at + NLATTR, stop, reply)) return MALFORMED;
    at = padded(at, stop);
  }
  return found;
}

/** Which of HAS_SRC and HAS_DST were found; an address of the other family, or not of its size, is neither. */
function readAddresses({ view, entry }: Message, start: number, end: number, offset: number): number {
  const ipv6 = entry.family === 6;
  const size = NLATTR + (ipv6 ? 16 : 4);
  const src = ipv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC;
  let found = 0;
  let at = start;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(view, at, end);
    if (stop === 0) return MALFORMED;
    // The destination's type follows the source's in both families.
    const direction = attributeType(view, at) - src;
    if (stop - at === size && (direction === 0 || direction === 1)) {
      let word = direction === 0 ? offset : offset + ORIG_DST;
      for (let byte = at + NLATTR; byte < stop; byte += 4) entry.addresses[word++] = view.getInt32(byte);
      found |= direction === 0 ? HAS_SRC : HAS_DST;
    }
    at = padded(at, stop);
  }
  return found;
}

/** HAS_PROTOCOL where the number was found. Ports, or id, type and code, go to where the kernel's union has them. */
function readProtocol({ view, entry }: Message, start: number, end: number, reply: boolean): number {
  let found = 0;
  let ports = 0;
  let at = start;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(view, at, end);
    const type = attributeType(view, at);
    if (stop < at + NLATTR + ((ONE_BYTE >> type) & 1 ? 1 : 2)) return MALFORMED;
    if (type === CTA_PROTO_NUM) {
      entry.protocol = view.getUint8(at + NLATTR);
      found = HAS_PROTOCOL;
    } else ports |= portBits(view, type, at + NLATTR);
    at = padded(at, stop);
  }
  if (reply) {
    entry.replySport = ports & 0xffff;
    entry.replyDport = ports >>> 16;
  } else {
    entry.origSport = ports & 0xffff;
    entry.origDport = ports >>> 16;
  }
  return found;
}

/** What an attribute adds to the two ports of a tuple, the source in the lower half. */
function portBits(view: DataView, type: number, at: number): number {
  switch (type) {
    case CTA_PROTO_SRC_PORT:
    case CTA_PROTO_ICMP_ID:
    case CTA_PROTO_ICMPV6_ID:
      return view.getUint16(at);
    case CTA_PROTO_DST_PORT:
      return view.getUint16(at) << 16;
    case CTA_PROTO_ICMP_TYPE:
    case CTA_PROTO_ICMPV6_TYPE:
      return view.getUint8(at) << 24;
    case CTA_PROTO_ICMP_CODE:
    case CTA_PROTO_ICMPV6_CODE:
      return view.getUint8(at) << 16;
    default:
      return 0;
  }
}

function readTupleZone({ view, entry }: Message, at: number, end: number, reply: boolean): boolean {
  if (at + 2 > end) return false;
  if (reply) entry.zoneReply = view.getUint16(at);
  else entry.zoneOrig = view.getUint16(at);
  return true;
}
