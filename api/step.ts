import { invalid } from "./problem.ts";
import type { Slice } from "./window.ts";

/** More points than this are no use to anybody who looks at them. */
export const MAX_POINTS = 11_000;
const POINTS = 300;
const MINUTE = 60_000;
/** Steps that divide the coarser ones, so that zooming out adds up. */
const STEPS = [0.5, 1, 2, 5, 10, 30, 60, 120, 360, 720, 1440].map((minutes) => minutes * MINUTE);

/** The step asked for, or the one that makes about 300 points. Throws a problem when it makes too many. */
export function resolveStep(step: number | undefined, { from, to }: Slice): number {
  const stepMs = step ?? STEPS.find((known) => (to - from) / known <= POINTS) ?? 1440 * MINUTE;
  if ((to - from) / stepMs <= MAX_POINTS) return stepMs;
  throw invalid("The query is invalid.", [
    { path: ["step"], message: `makes more than ${MAX_POINTS} points` },
  ]);
}
