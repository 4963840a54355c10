import { type Entry, ORIG_DST, ORIG_SRC, REPLY_SRC } from "../conntrack/entry.ts";

/** Two independent 32-bit hashes: of a million flows, one pair in 10^7 years of dumps shares both by chance. */
export interface Fingerprint {
  a: number;
  b: number;
}

/** What makes a flow: zones, protocol, original tuple, and the kernel's id, which tells a re-used tuple from the last. */
export function fingerprintFlow(entry: Entry, into: Fingerprint): void {
  const zones = entry.zone | entry.zoneOrig | entry.zoneReply ? zonesOf(entry) : 0;
  into.a = (entry.protocol << 8) ^ entry.family ^ zones;
  into.b = entry.id;
  mix(into, entry.id);
  mix(into, (entry.origSport << 16) | entry.origDport);
  mixAddress(into, entry, ORIG_SRC);
  mixAddress(into, entry, ORIG_DST);
  finish(into);
}

/** A source and the peer it reaches. */
export function fingerprintPair(entry: Entry, into: Fingerprint): void {
  into.a = entry.family;
  into.b = ~entry.family;
  mixAddress(into, entry, ORIG_SRC);
  mixAddress(into, entry, REPLY_SRC);
  finish(into);
}

/** Of zones only one is set where both directions share it, else one a direction. */
const zonesOf = ({ zone, zoneOrig, zoneReply }: Entry) =>
  Math.imul((zone << 16) | zoneOrig, 0x9e3779b1) ^ Math.imul(zoneReply + 1, 0x85ebca6b);

function mixAddress(into: Fingerprint, { addresses, family }: Entry, at: number): void {
  mix(into, addresses[at] as number);
  if (family === 4) return;
  mix(into, addresses[at + 1] as number);
  mix(into, addresses[at + 2] as number);
  mix(into, addresses[at + 3] as number);
}

/** Multiplied and rotated with the constants of MurmurHash3 (Appleby, public domain), a pair for each hash. */
function mix(into: Fingerprint, word: number): void {
  let a = Math.imul(word, 0xcc9e2d51);
  a = into.a ^ Math.imul((a << 15) | (a >>> 17), 0x1b873593);
  into.a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
  let b = Math.imul(word, 0x239b961b);
  b = into.b ^ Math.imul((b << 16) | (b >>> 16), 0xab0e9789);
  into.b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561ccd1b) | 0;
}

function finish(into: Fingerprint): void {
  into.a = avalanche(into.a);
  into.b = avalanche(into.b ^ into.a);
}

function avalanche(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
