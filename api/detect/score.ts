import type { Look, NodeWindow } from "../../db/look.ts";
import { baselineAt, peerBaseline } from "./baseline.ts";
import type { Baseline } from "./baseline.ts";
import type { Measured } from "./rule.ts";
import { isRate, measure, scaled } from "./series.ts";
import type { Series } from "./series.ts";

/** How unusual a window is. */
export type Score = {
  /** Of the window, in entries or so many a second. */
  value: number;
  /** How many deviations above what is usual, smoothed over the windows before. Never below 0. */
  score: number;
  baseline: Baseline;
};

/** One window, however wild, must not look unusual for long. */
const MAX_Z = 50;
/** So many windows without a report are a gap: what a counter says after it is of another time. */
const GAP_WINDOWS = 3;

/** True of the first window, and of the first after a gap. `before`: the window that came before it. */
export const isAfterGap = ({ from, to }: NodeWindow, before: NodeWindow | undefined): boolean =>
  before === undefined || from - before.to > GAP_WINDOWS * (to - from);

/** What is usual of the node at the time of the window: by its own history, else by its peers, else nobody knows. */
export const usualOf = (series: Series, { window, hours = [], peers = [] }: Look): Baseline | undefined =>
  baselineAt(series, hours, window.to) ?? peerBaseline(series, peers);

/** The score of a look's window; undefined where it is not known, or what is usual is not, or a rate comes after a gap. */
export function scoreOf(series: Series, look: Look): Score | undefined {
  const baseline = usualOf(series, look);
  return baseline && scoresOf(series, look, baseline).at(-1);
}

/**
 * The scores of the windows before, and of the window itself at the end. Half of each is the one before: it takes two windows to be sure, and
 * two to forget. A window that tells nothing changes nothing.
 */
export function scoresOf(
  series: Series,
  { window, recent }: Pick<Look, "window" | "recent">,
  baseline: Baseline,
): (Score | undefined)[] {
  const usual = scaled(series, baseline.mean);
  let score = 0;
  let before: NodeWindow | undefined;
  return [...recent, window].map((each) => {
    const value = isRate(series) && isAfterGap(each, before) ? undefined : measure(series, each);
    before = each;
    if (value === undefined) return undefined;
    const z = (scaled(series, value) - usual) / baseline.deviation;
    score = (score + Math.min(Math.max(z, 0), MAX_Z)) / 2;
    return { value, score, baseline };
  });
}

/** How many times the least of the ten minutes before it a window is; 1 where it is the first that is known. */
export function risenOf(series: Series, { window, recent }: Pick<Look, "window" | "recent">): number {
  const before = recent.flatMap((each) => measure(series, each) ?? []);
  const now = measure(series, window);
  if (now === undefined || before.length === 0) return 1;
  // Plus one: from nothing to next to nothing is no rise.
  return (now + 1) / (before.reduce((least, value) => Math.min(least, value)) + 1);
}

/** Not below the threshold, as far as anybody knows. */
export const isHigh = (score: Score | undefined, threshold: number): boolean =>
  score === undefined || score.score >= threshold;

/** Known to be below the threshold. */
export const isLow = (score: Score | undefined, threshold: number): boolean => !isHigh(score, threshold);

/** What a finding tells of it. */
export const scored = (score: Score | undefined): Pick<Measured, "baseline" | "score"> => ({
  baseline: score?.baseline.mean,
  score: score?.score,
});
