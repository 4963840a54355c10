import { constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import { ProblemError } from "./problem.ts";

/**
 * Largest window a zstd frame may ask for, as a power of two: 8 MiB, what RFC 8878 (3.1.1.1.2) recommends decoders
 * to support. A frame header alone could otherwise make the decoder allocate 2 GiB.
 */
const ZSTD_WINDOW_LOG_MAX = 23;

export const ENCODINGS = ["identity", "gzip", "zstd"] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** With `info`, the sync functions also tell how much of the input they took; the published types leave that out. */
interface Inflated {
  buffer: Uint8Array;
  engine: { bytesWritten: number };
}

/** Exactly one encoding we know; a nested one ("gzip, gzip") multiplies what a small body can cost. */
export function parseEncoding(header: string | undefined): Encoding {
  const name = header?.trim().toLowerCase() || "identity";
  const encoding = ENCODINGS.find((known) => known === name);
  if (encoding) return encoding;
  throw new ProblemError("unsupported-media", `Content-Encoding must be one of ${ENCODINGS.join(", ")}.`, {
    headers: { "accept-encoding": "gzip, zstd" },
  });
}

/** The plain bytes of a body. Throws a problem when it is damaged, or would inflate to more than `maxBytes`. */
export function inflate(body: Uint8Array, encoding: Encoding, maxBytes: number): Uint8Array {
  if (encoding === "identity") return body;
  const { buffer, engine } = inflateCapped(body, encoding, maxBytes);
  if (engine.bytesWritten !== body.byteLength)
    throw new ProblemError("bad-body", `The body has bytes after the end of its ${encoding} frame.`);
  return buffer;
}

function inflateCapped(body: Uint8Array, encoding: "gzip" | "zstd", maxOutputLength: number): Inflated {
  const options = { maxOutputLength, info: true };
  try {
    if (encoding === "gzip") return gunzipSync(body, options) as unknown as Inflated;
    const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
    return zstdDecompressSync(body, { ...options, params }) as unknown as Inflated;
  } catch (error) {
    // Node throws ERR_BUFFER_TOO_LARGE and workerd "Memory limit exceeded" at the cap: the class is what they share.
    if (error instanceof RangeError) throw tooLarge(maxOutputLength);
    throw new ProblemError("bad-body", `The body is not a whole ${encoding} frame.`, { cause: error });
  }
}

const tooLarge = (maxBytes: number) =>
  new ProblemError("too-large", `A body may be at most ${maxBytes} bytes long when it is not compressed.`);
