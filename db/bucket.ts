import { deflateSync, inflateSync } from "node:zlib";
import { readTable, writeTable } from "./bucket/table.ts";
import { DIMENSIONS } from "./fold/table.ts";
import type { Bucket, Dimension, Table } from "./fold/table.ts";
import { ByteReader, ByteWriter, SegmentError, SegmentSizeError } from "./segment/bytes.ts";

export { SegmentError, SegmentSizeError } from "./segment/bytes.ts";

/** Of one row of the database, which may have 1,000,000 bytes on D1. */
export const MAX_BUCKET_BYTES = 990_000;

/** One table before compression: eight times what a whole bucket may have after it, where tables shrink to a fifth. */
export const MAX_TABLE_BYTES = 8 << 20;

/** First byte. The rest is one section a table, each compressed by itself; readers skip tags they do not know. */
const VERSION = 1;

/** As of segments: 5 % larger than the default of 6, and half the time. */
const LEVEL = 4;

/** Append only. */
const TAGS: Readonly<Record<Dimension, number>> = {
  source: 1,
  group: 2,
  owner: 3,
  workload: 4,
  namespace: 5,
  node: 6,
  address: 7,
  peer: 8,
  edge: 9,
  flow: 10,
};
const ALL = (Object.keys(DIMENSIONS) as Dimension[]).toSorted((a, b) => TAGS[a] - TAGS[b]);

/**
 * The same bytes for the same content; the order of rows is kept, and is part of it. Sums beyond 2^53 - 1 become that. Throws
 * SegmentSizeError where the bytes are over MAX_BUCKET_BYTES: fold it again and list fewer keys.
 */
export function encodeBucket(bucket: Bucket): Uint8Array {
  const content = new ByteWriter();
  content.raw(Uint8Array.of(VERSION));
  for (const dimension of ALL) {
    const table = bucket[dimension];
    if (table) content.section(TAGS[dimension], (to) => to.raw(sealed(dimension, table)));
  }
  if (content.length > MAX_BUCKET_BYTES)
    throw new SegmentSizeError(`a bucket of ${content.length} bytes is over ${MAX_BUCKET_BYTES}`);
  return content.bytes();
}

/** The tables asked for, or all; the others are not even inflated. Throws SegmentError where the bytes are damaged. */
export function decodeBucket(bytes: Uint8Array, only: readonly Dimension[] = ALL): Bucket {
  if (bytes[0] !== VERSION)
    throw new SegmentError(`bucket version ${bytes[0] ?? "(none)"} is not ${VERSION}, the one known`);
  const sections = new ByteReader(bytes.subarray(1)).sections();
  const bucket: Bucket = {};
  for (const dimension of only) {
    const section = sections.get(TAGS[dimension]);
    if (section) bucket[dimension] = unsealed(dimension, section);
  }
  return bucket;
}

/** The tag again, inside: there the checksum of the compressed bytes covers it. */
function sealed(dimension: Dimension, table: Table): Uint8Array {
  const content = new ByteWriter();
  content.number(TAGS[dimension]);
  writeTable(content, table);
  if (content.length > MAX_TABLE_BYTES)
    throw new SegmentSizeError(`a table of ${content.length} bytes is over ${MAX_TABLE_BYTES}`);
  return deflateSync(content.bytes(), { level: LEVEL });
}

function unsealed(dimension: Dimension, section: ByteReader): Table {
  const content = new ByteReader(inflate(section.raw(section.left)));
  const tag = content.number();
  if (tag !== TAGS[dimension]) throw new SegmentError(`the bucket has table ${tag} as ${dimension}`);
  return readTable(content);
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_TABLE_BYTES });
  } catch (cause) {
    throw new SegmentError("the bucket is damaged: it does not inflate", { cause });
  }
}
