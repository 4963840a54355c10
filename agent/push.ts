import { promisify } from "node:util";
import { gzip, zstdCompress } from "node:zlib";
import type { Report } from "../api/wire.ts";
import type { Target } from "./config.ts";
import { retryAfterMs } from "./retry.ts";

/** What became of one attempt to hand a report over. */
export type Outcome =
  | { kind: "stored" }
  /** Try again, not before `waitMs` where the server named a time. */
  | { kind: "retry"; reason: string; waitMs?: number }
  /** This report will never be taken as it is. */
  | { kind: "rejected"; reason: string };

/** A report ready to travel. */
export interface Parcel {
  sequence: number;
  encoding: "zstd" | "gzip";
  body: Uint8Array<ArrayBuffer>;
}

/** The server and the way to it answer within this, or the attempt has failed. */
const ATTEMPT_TIMEOUT_MS = 15_000;
/** A wrong token does not get right by asking often. */
const UNAUTHORIZED_WAIT_MS = 300_000;
/** How much of a refusal's text is worth a log line. */
const MAX_DETAIL = 500;

const RETRYABLE = new Set([408, 425, 429]);
const PERMANENT_5XX = new Set([501, 505]);

/** zstd where this Node has it (22.15 and later), else gzip. */
export async function pack(report: Report): Promise<Parcel> {
  const text = Buffer.from(JSON.stringify(report));
  const zstd = typeof zstdCompress === "function";
  const body = zstd ? await promisify(zstdCompress)(text) : await promisify(gzip)(text);
  return { sequence: report.sequence, encoding: zstd ? "zstd" : "gzip", body: new Uint8Array(body) };
}

export interface Post {
  fetch: typeof fetch;
  now: () => number;
}

/** One attempt. Failures are outcomes; nothing is thrown. */
export async function post({ fetch, now }: Post, target: Target, parcel: Parcel): Promise<Outcome> {
  try {
    const response = await fetch(`${target.url}/v1/reports`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${target.token}`,
        "content-type": "application/json",
        "content-encoding": parcel.encoding,
      },
      body: parcel.body,
      redirect: "manual",
      signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
    });
    const detail = (await response.text()).slice(0, MAX_DETAIL);
    return outcomeOf(response.status, detail, retryAfterMs(response.headers.get("retry-after"), now()));
  } catch (error) {
    return { kind: "retry", reason: reasonOf(error) };
  }
}

/** The contract with the server: what each status asks of the sender. */
export function outcomeOf(status: number, detail: string, waitMs: number | undefined): Outcome {
  if (status >= 200 && status < 300) return { kind: "stored" };
  const reason = `the server answered ${status}: ${detail}`;
  if (status === 401 || status === 403)
    return { kind: "retry", reason, waitMs: waitMs ?? UNAUTHORIZED_WAIT_MS };
  const passing = RETRYABLE.has(status) || (status >= 500 && !PERMANENT_5XX.has(status));
  // A redirect is a wrong address, which whoever runs this will mend; reports wait for that.
  const misled = status >= 300 && status < 400;
  if (passing || misled) return { kind: "retry", reason, ...(waitMs !== undefined && { waitMs }) };
  return { kind: "rejected", reason };
}

/** fetch hides the reason ("connect ECONNREFUSED …") in the cause of its error. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message || cause.name}` : message;
}
