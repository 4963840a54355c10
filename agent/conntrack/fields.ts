import { readAddress } from "./address.ts";
import { type Cursor, readDecimal, readNumber } from "./cursor.ts";
import { type Entry, ORIG_DST, ORIG_PACKETS, ORIG_SRC, REPLY_PACKETS, REPLY_SRC } from "./entry.ts";
import { isIcmp } from "./protocols.ts";
import { vocabulary } from "./words.ts";

/** Parts of a tuple that a line has given, as bits. Both tuples of a line have the same parts. */
export const HAS_SRC = 1;
export const HAS_DST = 2;
export const HAS_SPORT = 4;
export const HAS_DPORT = 8;
export const HAS_TYPE = 16;
export const HAS_CODE = 32;

/** A line being read into `entry`. Before the first `src=` there is no direction yet. */
export interface Line extends Cursor {
  readonly entry: Entry;
  direction: "none" | "orig" | "reply";
  /** Parts seen of the original and of the reply tuple. */
  origParts: number;
  replyParts: number;
  /** 4 or 6 once the line has said so, else 0. */
  family: number;
  hasTimeout: boolean;
  /** Nothing of the rest of the line belongs to the entry. */
  closed: boolean;
}

/** Reads the value behind `key=`; false where it is not one. */
type Field = (line: Line) => boolean;

const MAX_PORT = 0xffff;
const MAX_ZONE = 0xffff;
const MAX_MARK = 0xffff_ffff;

/** A tuple begins with its source: the first is the original, the second the reply. */
function src(line: Line): boolean {
  if (line.direction === "reply") return false;
  line.direction = line.direction === "none" ? "orig" : "reply";
  return address(line, HAS_SRC, line.direction === "reply" ? REPLY_SRC : ORIG_SRC);
}

const dst: Field = (line) =>
  address(line, HAS_DST, line.direction === "reply" ? REPLY_SRC + ORIG_DST : ORIG_DST);

function address(line: Line, part: number, offset: number): boolean {
  const family = readAddress(line, line.entry.addresses, offset);
  if (family === 0 || (line.family !== 0 && line.family !== family)) return false;
  line.family = family;
  return addPart(line, part);
}

/** Notes a part of the tuple in hand; false where it was there before, or no tuple has begun. */
function addPart(line: Line, part: number): boolean {
  if (line.direction === "none") return false;
  const parts = line.direction === "orig" ? line.origParts : line.replyParts;
  if (line.direction === "orig") line.origParts = parts | part;
  else line.replyParts = parts | part;
  return (parts & part) === 0;
}

function sport(line: Line): boolean {
  const port = readNumber(line);
  if (line.direction === "orig") line.entry.origSport = port;
  else line.entry.replySport = port;
  return port >= 0 && port <= MAX_PORT && addPart(line, HAS_SPORT);
}

function dport(line: Line): boolean {
  const port = readNumber(line);
  if (line.direction === "orig") line.entry.origDport = port;
  else line.entry.replyDport = port;
  return port >= 0 && port <= MAX_PORT && addPart(line, HAS_DPORT);
}

const type: Field = (line) => icmpByte(line, 8, HAS_TYPE);
const code: Field = (line) => icmpByte(line, 0, HAS_CODE);

function icmpByte(line: Line, shift: number, part: number): boolean {
  const value = readDecimal(line);
  if (line.direction === "orig") line.entry.origDport |= value << shift;
  else line.entry.replyDport |= value << shift;
  return value >= 0 && value <= 255 && addPart(line, part);
}

/** The id of a tuple in ICMP; behind the tuples, and in all other protocols, the one that `-o id` adds. */
function id(line: Line): boolean {
  const parts = line.direction === "orig" ? line.origParts : line.replyParts;
  if (isIcmp(line.entry.protocol) && (parts & HAS_SPORT) === 0) return sport(line);
  return readDecimal(line) >= 0;
}

const packets: Field = (line) => counter(line, 0);
const bytes: Field = (line) => counter(line, 1);

function counter(line: Line, which: 0 | 1): boolean {
  const value = readDecimal(line);
  line.entry.counted = true;
  line.entry.counters[(line.direction === "reply" ? REPLY_PACKETS : ORIG_PACKETS) + which] = value;
  return value >= 0;
}

function mark(line: Line): boolean {
  const value = readDecimal(line);
  line.entry.mark = value | 0;
  return value >= 0 && value <= MAX_MARK;
}

function zone(line: Line): boolean {
  line.entry.zone = readDecimal(line);
  return isZone(line.entry.zone);
}

function zoneOrig(line: Line): boolean {
  line.entry.zoneOrig = readDecimal(line);
  return isZone(line.entry.zoneOrig);
}

function zoneReply(line: Line): boolean {
  line.entry.zoneReply = readDecimal(line);
  return isZone(line.entry.zoneReply);
}

const isZone = (zone: number): boolean => zone >= 0 && zone <= MAX_ZONE;

const TABLE: readonly (readonly [string, Field])[] = [
  ["src", src],
  ["dst", dst],
  ["sport", sport],
  ["dport", dport],
  // GRE keys have the place of ports in the tuple (union nf_conntrack_man_proto).
  ["srckey", sport],
  ["dstkey", dport],
  ["type", type],
  ["code", code],
  ["id", id],
  ["packets", packets],
  ["bytes", bytes],
  ["mark", mark],
  ["zone", zone],
  ["zone-orig", zoneOrig],
  ["zone-reply", zoneReply],
];

/** What a line may say behind `key=`, and the number of its reader in {@link FIELDS}; other keys may be passed over. */
export const FIELD_KEYS = vocabulary(TABLE.map(([key], i) => [key, i] as const));
export const FIELDS: readonly Field[] = TABLE.map(([, field]) => field);
