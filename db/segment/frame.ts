import { deflateSync, inflateSync } from "node:zlib";
import { ByteReader, ByteWriter, SegmentError, SegmentSizeError } from "./bytes.ts";

/**
 * First byte. The rest is zlib's deflate of tagged sections; readers skip tags they do not know. Not zstd, which is
 * no smaller here: workerd's zstdCompressSync fails on the largest segments.
 */
const VERSION = 1;

/** 1 % larger than the default of 6, and on the largest report, which hardly compresses, 8 ms rather than 20. */
const LEVEL = 4;

/** The sections that `write` makes, as they are stored. Throws SegmentSizeError where they are over `maxBytes`. */
export function seal(maxBytes: number, write: (content: ByteWriter) => void): Uint8Array {
  const content = new ByteWriter();
  write(content);
  if (content.length > maxBytes) throw new SegmentSizeError(`${content.length} bytes are over ${maxBytes}`);
  const compressed = deflateSync(content.bytes(), { level: LEVEL });
  const bytes = new Uint8Array(compressed.length + 1);
  bytes[0] = VERSION;
  bytes.set(compressed, 1);
  return bytes;
}

/** The sections of what was sealed, which inflates to at most `maxBytes`. */
export function unseal(bytes: Uint8Array, maxBytes: number): Map<number, ByteReader> {
  if (bytes[0] !== VERSION)
    throw new SegmentError(`segment version ${bytes[0] ?? "(none)"} is not ${VERSION}, the one known`);
  return new ByteReader(inflate(bytes.subarray(1), maxBytes)).sections();
}

export function section(sections: Map<number, ByteReader>, tag: number): ByteReader {
  const reader = sections.get(tag);
  if (!reader) throw new SegmentError(`the segment lacks section ${tag}`);
  return reader;
}

function inflate(bytes: Uint8Array, maxOutputLength: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength });
  } catch (cause) {
    throw new SegmentError("the segment is damaged: it does not inflate", { cause });
  }
}
