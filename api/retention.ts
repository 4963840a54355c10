import { DAY, DEFAULT_RETENTION, HOUR, MINUTE, TEN_MINUTES, WINDOW } from "../db/tiers.ts";
import type { Retention, Tier } from "../db/tiers.ts";
import { MAX_REPORT_AGE_MS } from "./ingest.ts";
import { MAX_RANGE_MS, parseDuration } from "./window.ts";

/** Variables that say how long each tier is kept. */
const VARIABLES = {
  [WINDOW]: "CONNTRAIL_KEEP_WINDOWS",
  [MINUTE]: "CONNTRAIL_KEEP_MINUTES",
  [TEN_MINUTES]: "CONNTRAIL_KEEP_TEN_MINUTES",
  [HOUR]: "CONNTRAIL_KEEP_HOURS",
  [DAY]: "CONNTRAIL_KEEP_DAYS",
} as const satisfies Record<Tier, string>;
export type RetentionVariables = { readonly [name in (typeof VARIABLES)[Tier]]?: string | undefined };

const HOUR_MS = 3_600_000;
/** Ten minutes are folded from windows and minutes once the last report of theirs can have come. */
const LEAST_MS = HOUR_MS;

/** How long each tier is kept as the environment says; what is wrong with it goes to `complain`. */
export function loadRetention(env: RetentionVariables, complain: (text: string) => void): Retention {
  const kept = (tier: Tier): number => {
    const text = env[VARIABLES[tier]];
    if (!text) return DEFAULT_RETENTION[tier];
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= LEAST_MS && ms <= MAX_RANGE_MS) return ms;
    complain(`${VARIABLES[tier]} is "${text}"; give a duration from 1h to 400d, such as 72h or 14d`);
    return DEFAULT_RETENTION[tier];
  };
  const retention = {
    [WINDOW]: kept(WINDOW),
    [MINUTE]: kept(MINUTE),
    [TEN_MINUTES]: kept(TEN_MINUTES),
    [HOUR]: kept(HOUR),
    [DAY]: kept(DAY),
  };
  // An hour is folded anew when a late report comes, from all of its ten minutes.
  if (retention[TEN_MINUTES] < Math.min(MAX_REPORT_AGE_MS, retention[WINDOW]) + HOUR_MS)
    complain(
      `${VARIABLES[TEN_MINUTES]} must be an hour longer than reports are taken: than ${VARIABLES[WINDOW]}, or 72h where that is longer`,
    );
  if (retention[HOUR] < retention[TEN_MINUTES])
    complain(`${VARIABLES[HOUR]} must be no shorter than ${VARIABLES[TEN_MINUTES]}, of which hours are made`);
  if (retention[DAY] < retention[HOUR])
    complain(`${VARIABLES[DAY]} must be no shorter than ${VARIABLES[HOUR]}, of which days are made`);
  return retention;
}
