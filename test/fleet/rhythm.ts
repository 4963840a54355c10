import { chance } from "./random.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1 January 1970 was a Thursday: two days on, the first Saturday begins. */
const FIRST_SATURDAY = 2 * DAY_MS;
const NIGHT = 0.3;
const WEEKEND = 0.5;
const BURST_MS = 300_000;
const BURST_SHARE = 0.02;
const BURST = 3;

/** How busy a cluster is against the busiest hour of a working day. */
export function rhythm(at: number, shiftHours: number): number {
  const local = at - shiftHours * HOUR_MS;
  const hour = (local % DAY_MS) / HOUR_MS;
  // Least at four in the morning, most at four in the afternoon.
  const day = 0.5 - 0.5 * Math.cos((2 * Math.PI * (hour - 4)) / 24);
  const sinceSaturday = (((local - FIRST_SATURDAY) % (7 * DAY_MS)) + 7 * DAY_MS) % (7 * DAY_MS);
  return (NIGHT + (1 - NIGHT) * day) * (sinceSaturday < 2 * DAY_MS ? WEEKEND : 1);
}

/** Now and then a cluster is several times as busy for five minutes. */
export const burst = (at: number, seed: number): number =>
  chance(seed, "burst", Math.floor(at / BURST_MS)) < BURST_SHARE ? BURST : 1;
