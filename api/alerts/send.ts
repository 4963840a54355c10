import { checkUrl } from "./hosts.ts";
import type { HostPolicy } from "./hosts.ts";
import type { Answer, Outgoing } from "./provider.ts";

/** Chat providers answer within a second or two; one that takes longer is tried again later. */
export const SEND_TIMEOUT_MS = 10_000;
/** Of an answer, which is a line or a short JSON, so much is read and no more. */
export const MAX_ANSWER_BYTES = 64 * 1024;

/** A message that did not get as far as an answer. The reason is for operators and holds no secrets. */
export class SendError extends Error {
  override name = "SendError";
  /** Whether it may pass by itself: a lost connection, not a host that is not allowed. */
  readonly passing: boolean;

  constructor(reason: string, { passing, cause }: { passing: boolean; cause?: unknown }) {
    super(reason, { cause });
    this.passing = passing;
  }
}

/** Posts a message where it may go. `hosts`: those of its provider. Throws SendError. */
export type Send = (outgoing: Outgoing, hosts: readonly string[]) => Promise<Answer>;

/** The address, once it is known to be allowed. Throws SendError. */
export function allowedUrl(
  { url }: Outgoing,
  hosts: readonly string[],
  policy: HostPolicy,
): { url: URL; private: boolean } {
  const checked = checkUrl(url, hosts, policy);
  if ("complaint" in checked) throw new SendError(checked.complaint, { passing: false });
  return checked;
}

/** The begin of a body as text, whatever it is; what is beyond MAX_ANSWER_BYTES is not read. */
export async function readAnswer(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let left = MAX_ANSWER_BYTES;
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk.subarray(0, left), { stream: true });
    left -= chunk.length;
    if (left <= 0) break;
  }
  return text + decoder.decode();
}

/**
 * Sends by a `fetch` that cannot be told which address to connect to, as that of Workers, which reaches the public internet only:
 * names are not resolved here.
 */
export function sendByFetch(fetch: typeof globalThis.fetch, policy: HostPolicy): Send {
  return async (outgoing, hosts) => {
    const { url } = allowedUrl(outgoing, hosts, policy);
    const { headers, body } = outgoing;
    const signal = AbortSignal.timeout(SEND_TIMEOUT_MS);
    try {
      const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
      const answer = { status: response.status, headers: Object.fromEntries(response.headers) };
      return { ...answer, body: await readAnswer(response.body) };
    } catch (cause) {
      throw new SendError(whyNotSent(signal.aborted ? signal.reason : cause), { passing: true, cause });
    }
  };
}

/** What speaks no TLS is not understood by OpenSSL. */
const NO_TLS: ReadonlySet<string> = new Set(["EPROTO", "ERR_SSL_WRONG_VERSION_NUMBER"]);
const NO_TLS_HINT = " (no TLS there? use http with CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS=1)";

/** In words that hold no address. */
export function whyNotSent(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  if (name === "TimeoutError" || name === "AbortError")
    return `no answer within ${SEND_TIMEOUT_MS / 1_000} s`;
  if (code === undefined) return "the connection failed";
  return `the connection failed (${code})${NO_TLS.has(code) ? NO_TLS_HINT : ""}`;
}
