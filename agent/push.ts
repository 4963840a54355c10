import { promisify } from "node:util";
// By its whole: an older Node has no zstd, and an import by name would end it before it can say what it needs.
import * as zlib from "node:zlib";
import type { Report } from "../api/wire.ts";
import type { Target } from "./config.ts";
import type { PostTo } from "./http.ts";
import { retryAfterMs } from "./retry.ts";

/** What became of one attempt to hand a report over. */
export type Outcome =
  | { kind: "stored" }
  /** Try again, not before `waitMs` where the server named a time; in vain until the token is another, if `unauthorized`. */
  | { kind: "retry"; reason: string; waitMs?: number; unauthorized?: true }
  /** A smaller report of the same window may be taken. */
  | { kind: "too-large"; reason: string }
  /** This report will never be taken as it is. */
  | { kind: "rejected"; reason: string };

/** A report ready to travel. Boot id and sequence are its identity on this node. */
export interface Parcel {
  bootId: string;
  sequence: number;
  encoding: "zstd" | "gzip";
  body: Uint8Array;
}

/** A wrong token does not get right by asking often. */
const UNAUTHORIZED_WAIT_MS = 300_000;
/** How much of a refusal's text is worth a log line. */
const MAX_DETAIL = 500;
/** No report of ours is nearly as large (the worst is some hundred kB); what inflates to more is damage. */
const MAX_INFLATED = 16 * 1024 * 1024;

const RETRYABLE = new Set([408, 425, 429]);
const PERMANENT_5XX = new Set([501, 505]);

/**
 * What most reports are smaller than: to compress these well costs two milliseconds and saves a tenth. Larger ones would
 * cost several times the memory.
 */
const SMALL_BYTES = 131_072;
const [LEVEL, SMALL_LEVEL] = [3, 13];

/** zstd where this Node has it (22.15 and later), else gzip; both with a checksum, so that damage on a disk is seen. */
export async function pack(report: Report): Promise<Parcel> {
  const text = Buffer.from(JSON.stringify(report));
  const zstd = typeof zlib.zstdCompress === "function";
  const body = await (zstd
    ? promisify(zlib.zstdCompress)(text, {
        params: {
          [zlib.constants.ZSTD_c_checksumFlag]: 1,
          [zlib.constants.ZSTD_c_compressionLevel]: text.length <= SMALL_BYTES ? SMALL_LEVEL : LEVEL,
        },
        // Without it zstd takes memory for a stream of any length.
        pledgedSrcSize: text.length,
      })
    : promisify(zlib.gzip)(text));
  const { sequence, node } = report;
  return { bootId: node.bootId, sequence, encoding: zstd ? "zstd" : "gzip", body };
}

/** The report in a parcel; undefined where the bytes are damaged, or are not of the report the parcel names. */
export async function unpack({ bootId, sequence, encoding, body }: Parcel): Promise<Report | undefined> {
  try {
    const inflate = encoding === "zstd" ? promisify(zlib.zstdDecompress) : promisify(zlib.gunzip);
    const text = await inflate(body, { maxOutputLength: MAX_INFLATED });
    const report = JSON.parse(text.toString()) as Report;
    return report.node.bootId === bootId && report.sequence === sequence ? report : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a report that is too large smaller by `halve`; undefined where nothing is left to halve. */
export function shrinking(halve: (report: Report) => Report | undefined) {
  return async (parcel: Parcel): Promise<Parcel | undefined> => {
    const report = await unpack(parcel);
    const half = report && halve(report);
    return half && pack(half);
  };
}

export interface Post {
  postTo: PostTo;
  now: () => number;
  /** Ends the attempt. */
  signal: AbortSignal;
}

/** One attempt. Failures are outcomes; nothing is thrown. */
export async function post({ postTo, now, signal }: Post, target: Target, parcel: Parcel): Promise<Outcome> {
  try {
    const headers = {
      authorization: `Bearer ${target.token}`,
      "content-type": "application/json",
      "content-encoding": parcel.encoding,
    };
    const answer = await postTo(`${target.url}/v1/reports`, { headers, body: parcel.body, signal });
    return outcomeOf(answer.status, answer.text, retryAfterMs(answer.retryAfter, now()));
  } catch (error) {
    return { kind: "retry", reason: reasonOf(error) };
  }
}

/** The contract with the server: what each status asks of the sender. */
export function outcomeOf(status: number, answer: string, waitMs: number | undefined): Outcome {
  const reason = `the server answered ${status}: ${answer.slice(0, MAX_DETAIL)}`;
  if (status >= 200 && status < 300)
    return isReceipt(answer) ? { kind: "stored" } : { kind: "retry", reason };
  if (status === 401 || status === 403)
    return {
      kind: "retry",
      reason: `the API refuses CONNTRAIL_TOKEN (${status}); give one of scope ingest; ${reason}`,
      waitMs: waitMs ?? UNAUTHORIZED_WAIT_MS,
      unauthorized: true,
    };
  if (status === 413) return { kind: "too-large", reason };
  if (isPassing(status)) return { kind: "retry", reason, ...(waitMs !== undefined && { waitMs }) };
  return { kind: "rejected", reason };
}

/** A proxy's welcome page answers 200 too. */
function isReceipt(answer: string): boolean {
  try {
    const { stored, duplicate } = JSON.parse(answer) as { stored?: unknown; duplicate?: unknown };
    return stored === true || duplicate === true;
  } catch {
    return false;
  }
}

/** A redirect and a path that is not there are a wrong address, which whoever runs this will mend: reports wait for it. */
function isPassing(status: number): boolean {
  const misled = (status >= 300 && status < 400) || status === 404 || status === 405;
  return misled || RETRYABLE.has(status) || (status >= 500 && !PERMANENT_5XX.has(status));
}

/** A host with several addresses fails with one reason for each; of an abort the cause says why. */
function reasonOf(error: unknown): string {
  const { message, name, cause } = error as Error;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : cause;
  return inner instanceof Error ? inner.message || inner.name : message || name;
}
