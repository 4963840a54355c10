const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
/** A server may ask for no more patience than this; a mistaken year would otherwise stop reporting for good. */
export const LONGEST_RETRY_AFTER_MS = 900_000;

/**
 * Mean pause before an old report. A thousand nodes so ask 500 reports a second of a server that has just come back, half
 * of what it can store; an hour of 30 s windows is with it in four minutes, beside the new ones.
 */
const BACKFILL_PAUSE_MS = 2_000;

/** Full jitter: anything up to a bound that doubles, so that a fleet does not come back in step. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

/** Between half the mean and one and a half, so that a fleet does not send in step. */
export function backfillPauseMs(random: () => number): number {
  return Math.round(BACKFILL_PAUSE_MS * (0.5 + random()));
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
