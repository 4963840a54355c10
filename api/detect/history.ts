import type { NodeWindow, Slot, SlotGauge } from "../../db/look.ts";
import { perMinute } from "../../db/ports/trend.ts";
import type { Point } from "../../db/ports/trend.ts";
import { median } from "./baseline.ts";
import { HOUR_MS, MINUTE_MS, usedOf } from "./window.ts";

const DAY_MS = 24 * HOUR_MS;
/** Of a slot that windows cover less than half of, nobody knows the mean. */
const LEAST_COVERED = 0.5;
/** Fewer points are no line. */
const LEAST_POINTS = 3;

/** Means of a gauge, each at the middle of what its slot has of the time before `at`. */
export function pointsOf(slots: readonly Slot[], gauge: SlotGauge, at: number): Point[] {
  return slots.flatMap(({ start, end, gauges }): Point[] => {
    const mean = gauges[gauge]?.mean;
    return mean === undefined || start >= at ? [] : [[(start + Math.min(end, at)) / 2, mean]];
  });
}

/**
 * How fast it grew in the `ms` before `at`, an hour: the median of the slopes between any two points, so that a burst, a leap or an
 * empty table does not make it. Undefined where points span less than half of that time.
 */
export function growth(points: readonly Point[], at: number, ms: number): number | undefined {
  const own = points.filter(([when]) => when > at - ms);
  const [first, last] = [own[0]?.[0] ?? 0, own.at(-1)?.[0] ?? 0];
  if (own.length < LEAST_POINTS || last - first < ms / 2) return undefined;
  const slope = perMinute(own);
  return slope === undefined ? undefined : slope * 60;
}

/** Means of a gauge on earlier days around this time of day, day by day, as if they were of now. */
function earlierDays(hours: readonly Slot[], gauge: SlotGauge, at: number): Point[][] {
  const days = new Map<number, Point[]>();
  for (const { start, end, coveredMs, gauges } of hours) {
    const middle = (start + end) / 2;
    const ago = Math.round((at - middle) / DAY_MS);
    const mean = gauges[gauge]?.mean;
    if (ago < 1 || mean === undefined || coveredMs < LEAST_COVERED * (end - start)) continue;
    days.set(ago, [...(days.get(ago) ?? []), [middle + ago * DAY_MS, mean]]);
  }
  return [...days.values()];
}

/** What is usual at this time of day: of the means of earlier days the one in the middle; undefined where fewer `days` are known. */
export function usual(
  hours: readonly Slot[],
  gauge: SlotGauge,
  at: number,
  days: number,
): number | undefined {
  const means = earlierDays(hours, gauge, at).map((points) => median(points.map(([, mean]) => mean)));
  return means.length < days || means.length === 0 ? undefined : median(means);
}

/** How fast it usually grows at this time of day, an hour; undefined where fewer `days` are known. */
export function usualGrowth(
  hours: readonly Slot[],
  gauge: SlotGauge,
  at: number,
  days: number,
): number | undefined {
  const slopes = earlierDays(hours, gauge, at).flatMap((points) => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last || last[0] - first[0] < HOUR_MS) return [];
    return [((last[1] - first[1]) / (last[0] - first[0])) * HOUR_MS];
  });
  return slopes.length < days || slopes.length === 0 ? undefined : median(slopes);
}

/** Half of what the level is made of is of the time since then: a mean of five minutes that favours the latest. */
const HALF_LIFE_MS = 2 * MINUTE_MS;

/** Entries in the table, smoothed over the last minutes; undefined where no window knows. */
export function levelOf(windows: readonly NodeWindow[], at: number): number | undefined {
  let [sum, weights] = [0, 0];
  for (const window of windows) {
    const used = usedOf(window);
    if (used === undefined) continue;
    const weight = (window.to - window.from) * 2 ** ((window.to - at) / HALF_LIFE_MS);
    sum += weight * used;
    weights += weight;
  }
  return weights > 0 ? sum / weights : undefined;
}
