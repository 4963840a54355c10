import { tiersOf } from "../db/queries/series.ts";
import { fits, SLOT_MS, TEN_MINUTES, WINDOW } from "../db/tiers.ts";
import type { Retention, Tier } from "../db/tiers.ts";
import { invalid } from "./problem.ts";
import { MAX_RANGE_MS, type Slice } from "./window.ts";

/** More points than this are no use to anybody who looks at them. */
export const MAX_POINTS = 11_000;
/** And of all series together, some 6 MB of JSON. */
export const MAX_POINTS_TOGETHER = 250_000;
/** Agents report no shorter windows, so shorter steps only repeat what the one before says. */
const MIN_STEP_MS = 5_000;
const POINTS = 300;
/** A series each of many nodes reads the rows of them all; more than these where they are buckets: a day shows ten minutes of silence. */
const POINTS_OF_MANY = 100;
const BUCKET_POINTS_OF_MANY = 150;
const MINUTE = 60_000;
/** Steps that divide the coarser ones, so that zooming out adds up. */
const STEPS = [0.5, 1, 2, 5, 10, 30, 60, 120, 360, 720, 1440].map((minutes) => minutes * MINUTE);
const LONGEST_STEP_MS = 1440 * MINUTE;

/** What a step depends on beside the range. */
export interface Asked {
  by: "cluster" | "node";
  /** Series at most. */
  series: number;
  retention: Retention;
  now: number;
}

/** A range cut into steps; `from` and `to` are multiples of `stepMs`. */
export interface Steps extends Slice {
  stepMs: number;
  retention: Retention;
  now: number;
}

/**
 * The step asked for, or one that makes some 300 points, of many series some 100, from slots that are kept of the whole
 * range. Throws a problem where it makes too many points, or is no multiple of what is kept.
 */
export function resolveStep(step: number | undefined, slice: Slice, asked: Asked): number {
  const range = slice.to - slice.from;
  if (step === undefined) {
    const ofMany = (step: number) => (fits(TEN_MINUTES, step) ? BUCKET_POINTS_OF_MANY : POINTS_OF_MANY);
    const points = (step: number) => (asked.series > 1 ? ofMany(step) : POINTS);
    const finest = finestKept(slice, asked);
    return STEPS.find((known) => range / known <= points(known) && fits(finest, known)) ?? LONGEST_STEP_MS;
  }
  if (step < MIN_STEP_MS) throw wrong("is shorter than the shortest window, 5s");
  if (step > MAX_RANGE_MS) throw wrong("is longer than what is kept, 400d");
  if (range / step > MAX_POINTS) throw wrong(`makes more than ${MAX_POINTS} points`);
  if ((range / step) * asked.series > MAX_POINTS_TOGETHER)
    throw wrong(
      `makes more than ${MAX_POINTS_TOGETHER} points of ${asked.series} series: ask for fewer, by limit`,
    );
  if (!fits(finestKept(slice, asked), step)) throw wrong(keptInstead(slice, asked));
  return step;
}

/** Whole steps that hold the slice. */
export const outwards = ({ from, to }: Slice, stepMs: number): Slice => ({
  from: Math.floor(from / stepMs) * stepMs,
  to: Math.ceil(to / stepMs) * stepMs,
});

/** The finest tier that is kept of the whole range. */
function finestKept({ from }: Slice, { by, retention, now }: Asked): Tier {
  const tiers = tiersOf(by);
  return tiers.find((tier) => now - retention[tier] <= from) ?? tiers.at(-1) ?? WINDOW;
}

function keptInstead(slice: Slice, asked: Asked): string {
  const finest = finestKept(slice, asked);
  const minutes = finest === WINDOW ? 0 : SLOT_MS[finest] / MINUTE;
  const kept = `what is kept since then are slots of ${minutes}m: use a multiple of that`;
  return asked.by === "cluster" && finest === tiersOf("cluster")[0]
    ? `${kept}, or ask for nodes`
    : `${kept}, or a later from`;
}

const wrong = (message: string) => invalid("The query is invalid.", [{ path: ["step"], message }]);
