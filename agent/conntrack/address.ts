import { type Cursor, HEX_DIGITS } from "./cursor.ts";

const COLON = 0x3a;
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const GROUPS = 8;

/**
 * Text of the address whose words begin at `offset`: dotted for IPv4, for IPv6 the one form of RFC 5952 section 4
 * (lower case, no leading zeros, the first longest run of two or more zero groups as `::`).
 */
export function formatAddress(words: ArrayLike<number>, offset: number, family: 4 | 6): string {
  return family === 4 ? formatIPv4(words[offset] ?? 0) : formatIPv6(words, offset);
}

const formatIPv4 = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;

function formatIPv6(words: ArrayLike<number>, offset: number): string {
  const groups: string[] = [];
  for (let i = offset; i < offset + 4; i++) {
    const word = words[i] ?? 0;
    groups.push((word >>> 16).toString(16), (word & 0xffff).toString(16));
  }
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== "0") start = i + 1;
    else if (i + 1 - start > longest.length) longest = { start, length: i + 1 - start };
  }
  return longest;
}

/**
 * Reads an IPv4 address, or an IPv6 address in any of its forms (padded as in procfs, compressed, with a dotted end), into
 * the words at `offset`, and leaves the cursor behind it. The answer is the family, 0 where there is no address.
 */
export function readAddress(cursor: Cursor, words: Int32Array, offset: number): 0 | 4 | 6 {
  const { bytes, at, end } = cursor;
  if (readPadded(cursor, words, offset)) return 6;
  // An IPv4 address has its first dot among the first four characters, an IPv6 address its first colon among five.
  for (let i = at; i < end && i < at + 5; i++) {
    if (bytes[i] === DOT) return readIPv4(cursor, words, offset) ? 4 : 0;
    if (bytes[i] === COLON) return readIPv6(cursor, words, offset) ? 6 : 0;
  }
  return 0;
}

const PADDED_LENGTH = 39;

/** The form of procfs, with every group in its place, has half of the work of the others. */
function readPadded(cursor: Cursor, words: Int32Array, offset: number): boolean {
  const { bytes, at, end } = cursor;
  if (at + PADDED_LENGTH > end || bytes[at + 4] !== COLON) return false;
  let colons = bytes[at + 14] === COLON && bytes[at + 24] === COLON && bytes[at + 34] === COLON;
  let digits = 0;
  for (let i = 0; i < 4; i++) {
    const high = fourDigits(bytes, at + 10 * i);
    const low = fourDigits(bytes, at + 10 * i + 5);
    digits |= high | low;
    words[offset + i] = (high << 16) | low;
    if (i > 0) colons &&= bytes[at + 10 * i - 1] === COLON;
  }
  if (digits < 0 || !colons) return false;
  cursor.at = at + PADDED_LENGTH;
  return true;
}

/** Value of four hexadecimal digits, negative where one of them is none. */
const fourDigits = (bytes: Uint8Array, at: number): number =>
  (digit(bytes, at) << 12) | (digit(bytes, at + 1) << 8) | (digit(bytes, at + 2) << 4) | digit(bytes, at + 3);

const digit = (bytes: Uint8Array, at: number): number => HEX_DIGITS[bytes[at] as number] as number;

function readIPv4(cursor: Cursor, words: Int32Array, offset: number): boolean {
  const { bytes, end } = cursor;
  let at = cursor.at;
  let word = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && bytes[at++] !== DOT) return false;
    const start = at;
    let value = 0;
    while (at < end) {
      const digit = (bytes[at] as number) - DIGIT_0;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at += 1;
    }
    if (at === start || at > start + 3 || value > 255) return false;
    word = (word << 8) | value;
  }
  words[offset] = word;
  cursor.at = at;
  return at <= end;
}

/** Groups of the address being read: one address at a time is read to its end before the next. */
const groups = new Uint16Array(GROUPS);
const dotted = new Int32Array(1);

function readIPv6(cursor: Cursor, words: Int32Array, offset: number): boolean {
  let count = 0;
  let gap = -1;
  if (isGap(cursor)) {
    gap = 0;
    cursor.at += 2;
  }
  while (count < GROUPS) {
    const added = readGroup(cursor, count);
    if (added === 0) break;
    count += added;
    if (added === 2 || !isColon(cursor, cursor.at)) break;
    if (!isGap(cursor)) cursor.at += 1;
    else if (gap >= 0) return false;
    else {
      gap = count;
      cursor.at += 2;
    }
  }
  return endsWhole(cursor) && place(words, offset, count, gap);
}

const isColon = ({ bytes, end }: Cursor, at: number): boolean => at < end && bytes[at] === COLON;
const isGap = (cursor: Cursor): boolean => isColon(cursor, cursor.at) && isColon(cursor, cursor.at + 1);

/** A colon is only left open by `::`. */
const endsWhole = ({ bytes, at }: Cursor): boolean => bytes[at - 1] !== COLON || bytes[at - 2] === COLON;

/** Reads one group, or a dotted end that makes two, and gives how many there were. */
function readGroup(cursor: Cursor, count: number): 0 | 1 | 2 {
  const { bytes, end, at: start } = cursor;
  let at = start;
  let value = 0;
  while (at < end && at < start + 4) {
    const digit = HEX_DIGITS[bytes[at] as number] as number;
    if (digit < 0) break;
    value = (value << 4) | digit;
    at += 1;
  }
  if (at === start) return 0;
  if (at < end && bytes[at] === DOT) {
    if (count > GROUPS - 2 || !readIPv4(cursor, dotted, 0)) return 0;
    const word = dotted[0] as number;
    groups[count] = word >>> 16;
    groups[count + 1] = word & 0xffff;
    return 2;
  }
  groups[count] = value;
  cursor.at = at;
  return 1;
}

/** Moves `count` groups to their words, with zeros where `::` stood: before group `gap`, or nowhere for -1. */
function place(words: Int32Array, offset: number, count: number, gap: number): boolean {
  if (gap < 0 ? count !== GROUPS : count === GROUPS) return false;
  if (gap >= 0) {
    const behind = count - gap;
    groups.copyWithin(GROUPS - behind, gap, count);
    groups.fill(0, gap, GROUPS - behind);
  }
  for (let i = 0; i < 4; i++)
    words[offset + i] = ((groups[2 * i] as number) << 16) | (groups[2 * i + 1] as number);
  return true;
}
