import { LITTLE_ENDIAN } from "../conntrack/netlink-attribute.ts";
import { EINTR, EPERM, type Libc } from "../sources/libc.ts";
import { netfilterRequest, NLM_F_DUMP } from "../sources/netlink-request.ts";
import { type NetlinkSocket, openNetlinkSocket } from "../sources/netlink-socket.ts";

/** Sizes of struct nlmsghdr, struct nfgenmsg and struct nlattr. */
const NLMSGHDR = 16;
const NFGENMSG = 4;
const NLATTR = 4;
/** include/uapi/linux/netlink.h. */
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Type of an attribute without the marks of nesting and byte order. */
const NLA_TYPE_MASK = 0x3fff;
/** The kernel fills at most 32 KiB of a dump at once (netlink_dump in net/netlink/af_netlink.c). */
const DATAGRAM_BYTES = 65_536;

/** One message of an answer, without its header; `resource` is the res_id of nfgenmsg, `family` its family. */
export interface Answer {
  family: number;
  resource: number;
  /** Payload by type of attribute; where one comes twice the last stands. */
  attributes: Map<number, Uint8Array>;
}

/** The kernel said no. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly errno: number;

  constructor(errno: number) {
    super(
      errno === EPERM
        ? "the kernel refuses (EPERM): it needs CAP_NET_ADMIN in the host's network namespace"
        : `the kernel refuses (errno ${errno})`,
    );
    this.errno = errno;
  }
}

/**
 * Asks nfnetlink for one dump and hands over every message of it until `take` says that it has seen enough. Throws
 * `SourceError` where there is no such socket, `Refusal` for what the kernel refuses, and `Error` where it does not answer.
 */
export function dumpNetfilter(libc: Libc, type: number, take: (answer: Answer) => boolean): void {
  const socket = openNetlinkSocket(libc);
  try {
    socket.send(netfilterRequest({ type, flags: NLM_F_DUMP, sequence: 1 }));
    const buffer = new Uint8Array(DATAGRAM_BYTES);
    while (!readAnswers(buffer.subarray(0, receive(socket, buffer)), take));
  } finally {
    socket.close();
  }
}

function receive(socket: NetlinkSocket, buffer: Uint8Array): number {
  for (;;) {
    const length = socket.receive(buffer);
    if (length >= 0) return Math.min(length, buffer.length);
    const errno = socket.errno();
    if (errno !== EINTR) throw new Error(`the kernel did not answer (errno ${errno})`);
  }
}

/**
 * Reads one datagram, and says whether it was the last that is wanted: the dump ended, or `take` gave true. Throws
 * `Refusal`, and `Error` for bytes that are no netlink messages.
 */
export function readAnswers(bytes: Uint8Array, take: (answer: Answer) => boolean): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const size = at + NLMSGHDR <= bytes.length ? view.getUint32(at, LITTLE_ENDIAN) : 0;
    if (size < NLMSGHDR || at + size > bytes.length) throw new Error("the kernel's answer is cut short");
    const type = view.getUint16(at + 4, LITTLE_ENDIAN);
    if (type === NLMSG_ERROR || type === NLMSG_DONE) return endOf(view, at, size);
    if (size >= NLMSGHDR + NFGENMSG && take(answerOf(bytes, view, at, size))) return true;
    at += (size + 3) & ~3;
  }
  return bytes.length === 0;
}

/** Both carry an error number, negative, or 0. */
function endOf(view: DataView, at: number, size: number): true {
  const errno = size >= NLMSGHDR + 4 ? -view.getInt32(at + NLMSGHDR, LITTLE_ENDIAN) : 0;
  if (errno !== 0) throw new Refusal(errno);
  return true;
}

function answerOf(bytes: Uint8Array, view: DataView, at: number, size: number): Answer {
  const attributes = new Map<number, Uint8Array>();
  const end = at + size;
  let next = at + NLMSGHDR + NFGENMSG;
  while (next + NLATTR <= end) {
    const length = view.getUint16(next, LITTLE_ENDIAN);
    if (length < NLATTR || next + length > end) break;
    const type = view.getUint16(next + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
    attributes.set(type, bytes.slice(next + NLATTR, next + length));
    next += (length + 3) & ~3;
  }
  return { family: bytes[at + NLMSGHDR] ?? 0, resource: view.getUint16(at + NLMSGHDR + 2), attributes };
}
