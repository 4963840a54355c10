import type { Bucket, Dimension } from "./fold/table.ts";

/** Of one row of the database, which may have 1,000,000 bytes on D1. */
export const MAX_BUCKET_BYTES = 990_000;

/** The same bytes for the same content. Throws SegmentSizeError where they are over MAX_BUCKET_BYTES. */
export function encodeBucket(_bucket: Bucket): Uint8Array {
  throw new Error("to be written");
}

/** The tables asked for, or all; the others are not even inflated. Throws SegmentError where the bytes are damaged. */
export function decodeBucket(_bytes: Uint8Array, _only?: readonly Dimension[]): Bucket {
  throw new Error("to be written");
}
