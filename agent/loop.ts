import type { Log } from "./log.ts";
import { MAX_WINDOW_MS, nextBoundary, type Window } from "./window.ts";

export interface Loop {
  intervalMs: number;
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** How long before the end of a window `prepare` should begin, in ms. */
  leadMs(): number;
  /** Takes stock for the window that ends at `end`, so that the end itself is not late. */
  prepare(end: number): Promise<void>;
  /** Reports a window that has ended. */
  close(window: Window): Promise<void>;
  /** Lets go of what was gathered since `from`, because nobody can say over which time. */
  skip(window: Window): Promise<void>;
  log: Log;
}

/**
 * Window by window until aborted: takes stock shortly before the boundary, and reports at it. The window that an abort
 * cuts short is reported too. Windows never overlap and follow each other without a gap: where a read outlasted its
 * interval, or the machine slept, one window is longer, up to what the API takes. A clock that was set leaves a window
 * without a sensible length, which is skipped.
 */
export async function runLoop(loop: Loop, signal: AbortSignal): Promise<void> {
  let from = loop.now();
  while (!signal.aborted) {
    const boundary = nextBoundary(loop.now(), loop.intervalMs);
    await sleepUntil(loop, boundary - loop.leadMs(), signal);
    await logged(loop, "dump-failed", () => loop.prepare(boundary));
    await sleepUntil(loop, boundary, signal);
    const now = loop.now();
    const setBack = now < boundary && !signal.aborted;
    const late = now - boundary > loop.intervalMs;
    const to = late ? now : Math.min(boundary, now);
    const watched = !setBack && to > from && to - from <= MAX_WINDOW_MS;
    if (watched) await logged(loop, "window-failed", () => loop.close({ from, to }));
    else if (to !== from) await logged(loop, "window-failed", () => loop.skip({ from, to }));
    from = setBack ? now : to;
  }
}

async function logged(loop: Loop, event: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    loop.log({ level: "error", event, reason: (error as Error).message });
  }
}

/**
 * A timer may fire a little early by the wall clock, so it is asked again; a clock set back by more than an interval
 * ends the wait, or the agent would be silent until it has caught up.
 */
async function sleepUntil(loop: Loop, instant: number, signal: AbortSignal): Promise<void> {
  let left = instant - loop.now();
  while (left > 0 && left <= loop.intervalMs && !signal.aborted) {
    await loop.sleep(left, signal);
    left = instant - loop.now();
  }
}
