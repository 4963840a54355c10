import { deflateSync, inflateSync } from "node:zlib";
import { ByteReader, ByteWriter, SegmentError } from "./segment/bytes.ts";
import {
  readAddresses,
  readGroups,
  readTalkers,
  readTraffic,
  writeAddresses,
  writeGroups,
  writeTalkers,
  writeTraffic,
} from "./segment/tables.ts";
import type { Segment } from "./segment/tables.ts";

export { SegmentError } from "./segment/bytes.ts";
export { NAT_CLASSES } from "./segment/tables.ts";
export type { NatClass, Segment } from "./segment/tables.ts";

/**
 * First byte. The rest is zlib's deflate of tagged sections; readers skip tags they do not know. Not zstd, which is
 * no smaller here: workerd's zstdCompressSync fails on the largest segments.
 */
const VERSION = 1;
const ADDRESSES = 1;
const TALKERS = 2;
const GROUPS = 3;
const TRAFFIC = 4;
/** The largest report allowed (4,096 talkers, 4,096 groups, 12,288 addresses) takes 0.54 MB before compression. */
const MAX_INFLATED_BYTES = 1 << 20;

/** 1 % larger than the default of 6, and on the largest report, which hardly compresses, 8 ms rather than 20. */
const LEVEL = 4;

/** Addresses become canonical (RFC 5952). */
export function encodeSegment(segment: Segment): Uint8Array {
  const content = new ByteWriter();
  content.section(ADDRESSES, (to) => writeAddresses(to, segment.addresses));
  content.section(TALKERS, (to) => writeTalkers(to, segment));
  content.section(GROUPS, (to) => writeGroups(to, segment));
  if (hasTraffic(segment)) content.section(TRAFFIC, (to) => writeTraffic(to, segment));
  const compressed = deflateSync(content.bytes(), { level: LEVEL });
  const bytes = new Uint8Array(compressed.length + 1);
  bytes[0] = VERSION;
  bytes.set(compressed, 1);
  return bytes;
}

/** Throws SegmentError where the bytes are damaged or of an unknown version. */
export function decodeSegment(bytes: Uint8Array): Segment {
  const sections = open(bytes);
  const addresses = readAddresses(section(sections, ADDRESSES));
  const talkers = readTalkers(section(sections, TALKERS), addresses.length);
  const groups = readGroups(section(sections, GROUPS), addresses.length);
  const traffic = sections.get(TRAFFIC);
  const segment: Segment = { addresses, ...talkers, ...groups };
  if (traffic) readTraffic(traffic, segment);
  return segment;
}

/** The talkers alone, for queries that need no groups. */
export function decodeTalkers(bytes: Uint8Array): Pick<Segment, "addresses" | "talkers" | "talkerRemainder"> {
  const sections = open(bytes);
  const addresses = readAddresses(section(sections, ADDRESSES));
  return { addresses, ...readTalkers(section(sections, TALKERS), addresses.length) };
}

function hasTraffic({ groups, groupRemainder: rest }: Segment): boolean {
  return [groups.bytes, groups.packets, rest.bytes, rest.packets].some((part) => part !== undefined);
}

function open(bytes: Uint8Array): Map<number, ByteReader> {
  if (bytes[0] !== VERSION)
    throw new SegmentError(`segment version ${bytes[0] ?? "(none)"} is not ${VERSION}, the one known`);
  return new ByteReader(inflate(bytes.subarray(1))).sections();
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (cause) {
    throw new SegmentError("the segment is damaged: it does not inflate", { cause });
  }
}

function section(sections: Map<number, ByteReader>, tag: number): ByteReader {
  const reader = sections.get(tag);
  if (!reader) throw new SegmentError(`the segment lacks section ${tag}`);
  return reader;
}
