/** A half-open slice [from, to) of wall-clock time, in epoch ms. */
export interface Window {
  from: number;
  to: number;
}

/** Where the window that holds `now` ends: the next multiple of the interval, so that all nodes cut at the same time. */
export function nextBoundary(now: number, intervalMs: number): number {
  return (Math.floor(now / intervalMs) + 1) * intervalMs;
}

/**
 * The window that ends at `to` and follows the one that ended at `from`. A clock that was set, or a machine that
 * slept, leaves no sensible start: then one interval is claimed and no more.
 */
export function windowUpTo(from: number, to: number, intervalMs: number): Window {
  const length = to - from;
  return length > 0 && length <= intervalMs ? { from, to } : { from: to - intervalMs, to };
}
