/** The longest window the API takes. */
export const MAX_WINDOW_MS = 300_000;

/** A half-open slice [from, to) of wall-clock time, in epoch ms. */
export interface Window {
  from: number;
  to: number;
}

/** Where the window that holds `now` ends: the next multiple of the interval, so that all nodes cut at the same time. */
export function nextBoundary(now: number, intervalMs: number): number {
  return (Math.floor(now / intervalMs) + 1) * intervalMs;
}
