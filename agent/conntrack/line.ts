import { readDecimal } from "./cursor.ts";
import { ASSURED, type Entry, HW_OFFLOAD, OFFLOAD, SEEN_REPLY } from "./entry.ts";
import {
  FIELD_KEYS,
  FIELDS,
  HAS_CODE,
  HAS_DPORT,
  HAS_DST,
  HAS_SPORT,
  HAS_SRC,
  HAS_TYPE,
  type Line,
} from "./fields.ts";
import { ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from "./protocols.ts";
import { statesOf } from "./states.ts";
import { findWord, HASH_START, hashByte, hashWord, NO_WORD, vocabulary } from "./words.ts";

const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

const MAX_PROTOCOL = 255;
/** Numbers that go with the names of the families (include/linux/socket.h). */
const AF_INET = 2;
const AF_INET6 = 10;
const IPV4 = hashWord("ipv4");
const IPV6 = hashWord("ipv6");

const UNREPLIED_MARK = 0;
const ASSURED_MARK = 1;
const OFFLOAD_MARK = 2;
const HW_OFFLOAD_MARK = 3;
const NEW_MARK = 4;
const UPDATE_MARK = 5;
const DESTROY_MARK = 6;
const USERSPACE_MARK = 7;

/** What stands in brackets; other brackets, such as times, may be passed over. */
const MARKS = vocabulary([
  ["UNREPLIED", UNREPLIED_MARK],
  ["ASSURED", ASSURED_MARK],
  ["OFFLOAD", OFFLOAD_MARK],
  ["HW_OFFLOAD", HW_OFFLOAD_MARK],
  ["NEW", NEW_MARK],
  ["UPDATE", UPDATE_MARK],
  ["DESTROY", DESTROY_MARK],
  ["USERSPACE", USERSPACE_MARK],
]);

export const newLine = (entry: Entry, bytes: Uint8Array): Line => ({
  bytes,
  at: 0,
  end: 0,
  entry,
  direction: "none",
  origParts: 0,
  replyParts: 0,
  family: 0,
  hasTimeout: false,
  closed: false,
});

/**
 * Reads [at, end) of `line.bytes` into its entry: a line of /proc/net/nf_conntrack, of its predecessor ip_conntrack, or
 * of the conntrack command, by its words and never by their places. False where it is no such line or is cut off.
 */
export function readLine(line: Line): boolean {
  const { entry } = line;
  entry.reset();
  entry.status = SEEN_REPLY;
  line.direction = "none";
  line.origParts = 0;
  line.replyParts = 0;
  line.family = 0;
  line.hasTimeout = false;
  line.closed = false;
  if (!readHead(line)) return false;
  while (!line.closed && skipBlanks(line)) if (!readToken(line)) return false;
  entry.family = line.family === 4 ? 4 : 6;
  return line.origParts === line.replyParts && isTuple(entry.protocol, line.origParts);
}

/** What precedes the timeout: marks of an event, the family by name and number if given, the protocol likewise. */
function readHead(line: Line): boolean {
  while (skipBlanks(line) && line.bytes[line.at] === BRACKET) if (!readMark(line)) return false;
  const word = readName(line);
  if (word !== IPV4 && word !== IPV6) return word !== NO_NAME && setProtocol(line, readDecimal(line));
  if (readDecimal(line) !== (word === IPV4 ? AF_INET : AF_INET6)) return false;
  line.family = word === IPV4 ? 4 : 6;
  return skipBlanks(line) && readName(line) !== NO_NAME && setProtocol(line, readDecimal(line));
}

/** Hash of the word at the cursor, NO_NAME unless something follows it behind blanks. */
function readName(line: Line): number {
  const hash = readWord(line);
  return atBlank(line) && skipBlanks(line) ? hash : NO_NAME;
}

/** Hash of no word, since a hash has 32 bits. */
const NO_NAME = Infinity;

function setProtocol(line: Line, protocol: number): boolean {
  line.entry.protocol = protocol;
  return protocol >= 0 && protocol <= MAX_PROTOCOL && atBlank(line);
}

function readToken(line: Line): boolean {
  const first = line.bytes[line.at] as number;
  if (first === BRACKET) return readMark(line);
  if (line.direction === "none" && first >= DIGIT_0 && first <= DIGIT_9) return readTimeout(line);
  const word = readWord(line);
  if (line.at === line.end || line.bytes[line.at] !== EQUALS) return isState(line, word);
  line.at += 1;
  const field = findWord(FIELD_KEYS, word);
  if (field === NO_WORD) return skipWord(line);
  return (FIELDS[field] as (line: Line) => boolean)(line) && atBlank(line);
}

function readTimeout(line: Line): boolean {
  if (line.hasTimeout) return false;
  line.hasTimeout = true;
  line.entry.timeout = readDecimal(line);
  return line.entry.timeout >= 0 && atBlank(line);
}

/**
 * Before the tuples a bare word is the state. Behind them it can only be the rest of a value with blanks in it, such as a
 * security context; the line is judged by its tuples then.
 */
function isState(line: Line, hash: number): boolean {
  if (line.direction === "none") {
    const states = statesOf(line.entry.protocol);
    if (states) line.entry.state = findWord(states, hash);
    return !states || line.entry.state >= 0;
  }
  return line.direction === "reply";
}

function readMark(line: Line): boolean {
  const { bytes, end } = line;
  let at = line.at + 1;
  let hash = HASH_START;
  for (; at < end && bytes[at] !== CLOSING_BRACKET; at++) hash = hashByte(hash, bytes[at] as number);
  line.at = at + 1;
  if (at >= end) return false;
  applyMark(line, findWord(MARKS, hash));
  return true;
}

function applyMark(line: Line, mark: number): void {
  const { entry } = line;
  switch (mark) {
    case UNREPLIED_MARK:
      entry.status &= ~SEEN_REPLY;
      return;
    case ASSURED_MARK:
      entry.status |= ASSURED;
      return;
    case OFFLOAD_MARK:
      entry.status |= OFFLOAD;
      return;
    case HW_OFFLOAD_MARK:
      // The kernel sets both and prints the narrower.
      entry.status |= OFFLOAD | HW_OFFLOAD;
      return;
    case USERSPACE_MARK:
      // Behind it are only a port id and the name of a program, which may hold anything.
      line.closed = true;
      return;
    case NEW_MARK:
      entry.event = "new";
      return;
    case UPDATE_MARK:
      entry.event = "update";
      return;
    case DESTROY_MARK:
      entry.event = "destroy";
  }
}

/** Whether these are all the parts that a tuple of the protocol has. Trackers missing from a kernel give none. */
function isTuple(protocol: number, parts: number): boolean {
  const ends = HAS_SRC | HAS_DST;
  const ports = ends | HAS_SPORT | HAS_DPORT;
  if (protocol === TCP || protocol === UDP || protocol === UDPLITE) return parts === ports;
  if (protocol === ICMP || protocol === ICMPV6) return parts === (ends | HAS_SPORT | HAS_TYPE | HAS_CODE);
  return parts === ports || (parts === ends && protocol !== SCTP);
}

/** Whether anything follows the blanks. */
function skipBlanks(line: Line): boolean {
  const { bytes, end } = line;
  let at = line.at;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at += 1;
  line.at = at;
  return at < end;
}

function atBlank({ bytes, at, end }: Line): boolean {
  return at === end || bytes[at] === SPACE || bytes[at] === TAB;
}

function skipWord(line: Line): true {
  const { bytes, end } = line;
  let at = line.at;
  while (at < end && bytes[at] !== SPACE && bytes[at] !== TAB) at += 1;
  line.at = at;
  return true;
}

/** Hash of the bytes before the next blank or `=`, where the cursor is left. */
function readWord(line: Line): number {
  const { bytes, end } = line;
  let at = line.at;
  let hash = HASH_START;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte <= EQUALS && (byte === EQUALS || byte === SPACE || byte === TAB)) break;
    hash = hashByte(hash, byte);
  }
  line.at = at;
  return hash;
}
