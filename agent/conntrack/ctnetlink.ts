import { COMPLETE, readTuple } from "./ctnetlink-tuple.ts";
import { ORIG_PACKETS, REPLY_PACKETS } from "./entry.ts";
import { attributeEnd, attributeType, type Message, NLATTR, padded } from "./netlink-attribute.ts";

export { LITTLE_ENDIAN } from "./netlink-attribute.ts";

/** Size of struct nfgenmsg (include/uapi/linux/netfilter/nfnetlink.h). */
const NFGENMSG = 4;

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
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_TIMESTAMP = 20;
const CTA_PROTOINFO_STATE = 1;
/** The bytes follow the packets, here and in the entry. */
const CTA_COUNTERS_PACKETS = 1;
const CTA_TIMESTAMP_START = 1;
const NS_PER_MS = 1e6;

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

function readAttribute(message: Message, type: number, at: number, end: number): boolean {
  switch (type) {
    case CTA_STATUS:
    case CTA_TIMEOUT:
    case CTA_MARK:
    case CTA_ID:
      return at + 4 <= end && readWord(message, type, at);
    case CTA_ZONE:
      if (at + 2 > end) return false;
      message.entry.zone = message.view.getUint16(at);
      return true;
    case CTA_PROTOINFO:
      return readProtocolInfo(message, at, end);
    case CTA_COUNTERS_ORIG:
    case CTA_COUNTERS_REPLY:
      return readCounters(message, type, at, end);
    case CTA_TIMESTAMP:
      return readTimestamp(message, at, end);
    default:
      return true;
  }
}

function readWord({ view, entry }: Message, type: number, at: number): boolean {
  const value = view.getInt32(at);
  if (type === CTA_STATUS) entry.status = value;
  else if (type === CTA_MARK) entry.mark = value;
  else if (type === CTA_ID) entry.id = value;
  else entry.timeout = value >>> 0;
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

function readCounters({ view, entry }: Message, type: number, start: number, end: number): boolean {
  const offset = type === CTA_COUNTERS_REPLY ? REPLY_PACKETS : ORIG_PACKETS;
  let at = start;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(view, at, end);
    if (stop === 0) return false;
    const counter = attributeType(view, at) - CTA_COUNTERS_PACKETS;
    if ((counter === 0 || counter === 1) && stop >= at + NLATTR + 8) {
      entry.counters[offset + counter] = readU64(view, at + NLATTR);
      entry.counted = true;
    }
    at = padded(at, stop);
  }
  return true;
}

/** Nanoseconds since the epoch; 0 where the kernel did not note the start, as for a flow that is not confirmed yet. */
function readTimestamp({ view, entry }: Message, start: number, end: number): boolean {
  let at = start;
  while (at + NLATTR <= end) {
    const stop = attributeEnd(view, at, end);
    if (stop === 0) return false;
    if (attributeType(view, at) === CTA_TIMESTAMP_START && stop >= at + NLATTR + 8) {
      const startedAt = Math.round(readU64(view, at + NLATTR) / NS_PER_MS);
      if (startedAt > 0) entry.startedAt = startedAt;
    }
    at = padded(at, stop);
  }
  return true;
}

/** In network order; beyond 2^53 to the nearest number that JavaScript has. */
const readU64 = (view: DataView, at: number): number =>
  view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
