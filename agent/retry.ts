const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
/** A server may ask for no more patience than this; a mistaken year would otherwise stop reporting for good. */
export const LONGEST_RETRY_AFTER_MS = 900_000;

/** Full jitter: anything up to a bound that doubles, so that a fleet does not come back in step. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

/** The three forms of an HTTP date begin with the name of a day; Date.parse would also take "1.5" for one. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;

/** Retry-After in both its forms, seconds and date (RFC 9110, 10.2.3), as ms from `now`; undefined if there is none. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (!/^\d+$/.test(text) && !HTTP_DATE.test(text)) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}
