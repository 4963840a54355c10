import { SegmentError } from "../../segment.ts";

/** What a blob says; undefined where it does not decode, and `onDamaged` is told. */
export function decoded<T>(decode: () => T, onDamaged: (() => void) | undefined): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof SegmentError)) throw error;
    onDamaged?.();
    return undefined;
  }
}
