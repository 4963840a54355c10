import type { Answer, Outcome } from "../provider.ts";

/** A provider that asks for longer is asked again all the same: else a broken answer could silence a channel for good. */
export const MAX_WAIT_MS = 6 * 3_600_000;

/** So much of what a provider calls an error is repeated, and only where it looks like a name. */
const CODE = /^[\w.-]{1,48}$/;

/** A wait in seconds as providers give it, which may be a fraction, or text; undefined where it is nonsense. In ms, rounded up. */
export function waitOf(seconds: unknown): number | undefined {
  const given = typeof seconds === "string" && seconds.trim() !== "" ? Number(seconds) : seconds;
  if (typeof given !== "number" || !Number.isFinite(given) || given < 0) return undefined;
  return Math.min(Math.ceil(given * 1_000), MAX_WAIT_MS);
}

/** Retry-After: seconds, or a date; a date is held against the provider's own clock. */
export function retryAfter({ headers }: Answer): number | undefined {
  const given = headers["retry-after"];
  if (given === undefined) return undefined;
  if (/^\s*[\d.]+\s*$/.test(given)) return waitOf(given);
  const [until, now] = [Date.parse(given), Date.parse(headers["date"] ?? "")];
  return Number.isNaN(until) || Number.isNaN(now) ? undefined : waitOf(Math.max(until - now, 0) / 1_000);
}

export const later = (reason: string, waitMs?: number): Outcome => ({
  result: "later",
  reason,
  ...(waitMs === undefined ? {} : { waitMs }),
});
export const never = (reason: string, disable = false): Outcome => ({ result: "never", reason, disable });

/** Somebody has to mend the channel. */
const GONE: ReadonlySet<number> = new Set([401, 403, 404, 410]);
/** Nothing says this by mistake. */
const ENDED = 410;
/** May pass by itself, as all from 500 on may. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/** What a status means where the provider says no more. `code`: what the provider calls it, repeated where it looks like a name. */
export function byStatus(answer: Answer, code?: unknown): Outcome {
  const { status } = answer;
  const answered = `answered ${status}${typeof code === "string" && CODE.test(code) ? ` (${code})` : ""}`;
  if (PASSING.has(status) || status >= 500) {
    const why = status === 429 ? "too many messages" : "the provider is in trouble";
    return later(`${why}: ${answered}`, retryAfter(answer));
  }
  if (GONE.has(status)) {
    const reason = `${answered}: the URL or token is no longer valid; make a new one and PATCH the channel`;
    const isSaid = status === ENDED || (typeof code === "string" && CODE.test(code));
    return { result: "never", reason, disable: true, ...(!isSaid && { unsure: true }) };
  }
  if (status >= 400) return never(`the message was refused: ${answered}`);
  if (status >= 300) return never(`${answered}: redirects are not followed; give the final URL`);
  return later(`${answered} without the word that it was taken: something between may have answered`);
}

/** The body as a JSON object; undefined where it is anything else. */
export function objectIn({ body }: Answer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
