/** How many ports were in use at an instant, epoch ms. */
export type Point = [at: number, used: number];

/** Fewer points are no trend: through two of them there always is a line. */
export const MIN_POINTS = 3;
/** What would last longer than this does not run out soon: a line through some minutes says nothing of next week. */
export const HORIZON_MS = 24 * 3_600_000;

const MINUTE_MS = 60_000;

/**
 * Ports a minute: the median of the slopes between any two points (Theil and Sen), which a single burst does not move, and which is the
 * slope of points on a line. Undefined below MIN_POINTS. Each point is of another instant.
 */
export function perMinute(points: readonly Point[]): number | undefined {
  if (points.length < MIN_POINTS) return undefined;
  const slopes = points
    .flatMap(([at, used], i) =>
      points.slice(i + 1).map(([to, then]) => ((then - used) / (to - at)) * MINUTE_MS),
    )
    .toSorted((a, b) => a - b);
  const middle = slopes.length >> 1;
  const upper = slopes[middle] ?? 0;
  return slopes.length % 2 === 1 ? upper : ((slopes[middle - 1] ?? 0) + upper) / 2;
}

/** What has filled up and stays so is no trend any more, however fast it filled: these latest points must become more as well. */
const LATEST_POINTS = MIN_POINTS;

/**
 * When the last of `available` ports is in use, epoch ms, if it goes on after the latest point as it did over all of them,
 * or as over the latest where that is slower; undefined where they do not become
 * more, where nobody knows, and beyond HORIZON_MS. Where none are left that is when it was seen.
 */
export function exhaustedAt(points: readonly Point[], available: number): number | undefined {
  const [at, used] = points.at(-1) ?? [0, 0];
  if (used >= available) return at;
  const slope = Math.min(perMinute(points) ?? 0, perMinute(points.slice(-LATEST_POINTS)) ?? 0);
  const left = ((available - used) / slope) * MINUTE_MS;
  return slope > 0 && left <= HORIZON_MS ? Math.round(at + left) : undefined;
}
