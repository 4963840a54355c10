import { invalid } from "./problem.ts";
import { MAX_RANGE_MS, type Slice } from "./window.ts";

/** More points than this are no use to anybody who looks at them. */
export const MAX_POINTS = 11_000;
/** Agents report no shorter windows, so shorter steps only repeat what the one before says. */
const MIN_STEP_MS = 5_000;
const POINTS = 300;
const MINUTE = 60_000;
/** Steps that divide the coarser ones, so that zooming out adds up. */
const STEPS = [0.5, 1, 2, 5, 10, 30, 60, 120, 360, 720, 1440].map((minutes) => minutes * MINUTE);

/** The step asked for, or the one that makes about 300 points. Throws a problem when it makes too many. */
export function resolveStep(step: number | undefined, { from, to }: Slice): number {
  const stepMs = step ?? STEPS.find((known) => (to - from) / known <= POINTS) ?? 1440 * MINUTE;
  if (stepMs < MIN_STEP_MS) throw wrong("is shorter than the shortest window, 5s");
  if (stepMs > MAX_RANGE_MS) throw wrong("is longer than what is kept, 400d");
  if ((to - from) / stepMs <= MAX_POINTS) return stepMs;
  throw wrong(`makes more than ${MAX_POINTS} points`);
}

const wrong = (message: string) => invalid("The query is invalid.", [{ path: ["step"], message }]);
