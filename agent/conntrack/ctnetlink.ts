import { type Entry, ORIG_DST, ORIG_PACKETS, ORIG_SRC, REPLY_PACKETS, REPLY_SRC } from "./entry.ts";

/** Netlink headers are in the byte order of the host, payloads of ctnetlink in network order. */
export const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Size of struct nfgenmsg (include/uapi/linux/netfilter/nfnetlink.h). */
const NFGENMSG = 4;
/** Size of struct nlattr; flags in its type (include/uapi/linux/netlink.h). */
const NLATTR = 4;
const TYPE_MASK = 0x3fff;

const AF_INET = 2;
const AF_INET6 = 10;

/** enum ctattr_type and those nested in it (include/uapi/linux/netfilter/nfnetlink_conntrack.h). */
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_TIMEOUT = 7;
const CTA_MARK = 8;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ZONE = 18;
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
const CTA_PROTOINFO_STATE = 1;
/** The bytes follow the packets, here and in the entry. */
const CTA_COUNTERS_PACKETS = 1;

/** What of a tuple was found; a row needs all of it in both directions. */
const HAS_SRC = 1;
const HAS_DST = 2;
const HAS_PROTOCOL = 4;
const COMPLETE = HAS_SRC | HAS_DST | HAS_PROTOCOL;
/** What the readers of nests give back instead where attributes do not fit into each other. */
const MALFORMED = 8;

/** A buffer of messages and the row being filled from it. */
export interface Message {
  readonly view: DataView;
  readonly entry: Entry;
}

/**
 * Fills `message.entry` from the ctnetlink payload (struct nfgenmsg and attributes) in [start, end). False where the
 * attributes do not fit into each other or a tuple is not whole. `end` must lie within the view.
 */
export function readEntry(message: Message, start: number, end: number): boolean {
  const { view, entry } = message;
  if (start + NFGENMSG > end) return false;
  const family = view.getUint8(start);
  if (family !== AF_INET && family !== AF_INET6) return false;
  entry.reset();
  entry.family = family === AF_INET ? 4 : 6;
  let tuples = 0;
  let at = start + NFGENMSG;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(view, at, end);
    if (stop === 0) return false;
    const type = attributeType(view, at);
    if (type === CTA_TUPLE_ORIG || type === CTA_TUPLE_REPLY) {
      if (readTuple(message, at + NLATTR, stop, type === CTA_TUPLE_REPLY) !== COMPLETE) return false;
      tuples |= type;
    } else if (!readAttribute(message, type, at + NLATTR, stop)) return false;
    at = padded(at, stop);
  }
  return tuples === (CTA_TUPLE_ORIG | CTA_TUPLE_REPLY);
}

const attributeType = (view: DataView, at: number): number =>
  view.getUint16(at + 2, LITTLE_ENDIAN) & TYPE_MASK;

/** Where the attribute at `at` ends, or 0 when it would not end within what holds it. */
function attributeEnd(view: DataView, at: number, end: number): number {
  const length = view.getUint16(at, LITTLE_ENDIAN);
  return length < NLATTR || at + length > end ? 0 : at + length;
}

/** Where the next attribute begins: they are padded to four bytes. */
const padded = (at: number, stop: number): number => at + ((stop - at + 3) & ~3);

function readAttribute(message: Message, type: number, at: number, end: number): boolean {
  switch (type) {
    case CTA_STATUS:
    case CTA_TIMEOUT:
    case CTA_MARK:
      return at + 4 <= end && readWord(message, type, at);
    case CTA_ZONE:
      if (at + 2 > end) return false;
      message.entry.zone = message.view.getUint16(at);
      return true;
    case CTA_PROTOINFO:
      return readProtocolInfo(message, at, end);
    case CTA_COUNTERS_ORIG:
    case CTA_COUNTERS_REPLY:
      return readCounters(message, at, end, type === CTA_COUNTERS_REPLY ? REPLY_PACKETS : ORIG_PACKETS);
    default:
      return true;
  }
}

function readWord({ view, entry }: Message, type: number, at: number): boolean {
  const value = view.getInt32(at);
  if (type === CTA_STATUS) entry.status = value;
  else if (type === CTA_MARK) entry.mark = value;
  else entry.timeout = value >>> 0;
  return true;
}

function readTuple(message: Message, start: number, end: number, reply: boolean): number {
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

/** CTA_PROTOINFO holds one nest, of TCP, DCCP or SCTP, whose attribute 1 is the state in each of them. */
function readProtocolInfo({ view, entry }: Message, start: number, end: number): boolean {
  if (start === end) return true;
  const nestEnd = start + NLATTR > end ? 0 : attributeEnd(view, start, end);
  if (nestEnd === 0) return false;
  let at = start + NLATTR;
  while (at + NLATTR <= nestEnd) {
    const stop = attributeEnd(view, at, nestEnd);
    if (stop === 0) return false;
    if (attributeType(view, at) === CTA_PROTOINFO_STATE && stop > at + NLATTR)
      entry.state = view.getUint8(at + NLATTR);
    at = padded(at, stop);
  }
  return true;
}

function readCounters({ view, entry }: Message, start: number, end: number, offset: number): boolean {
  let at = start;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(view, at, end);
    if (stop === 0) return false;
    const counter = attributeType(view, at) - CTA_COUNTERS_PACKETS;
    if ((counter === 0 || counter === 1) && stop >= at + NLATTR + 8) {
      const high = view.getUint32(at + NLATTR);
      entry.counters[offset + counter] = high * 0x1_0000_0000 + view.getUint32(at + NLATTR + 4);
      entry.counted = true;
    }
    at = padded(at, stop);
  }
  return true;
}
