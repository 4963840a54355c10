import type { Report } from "../api/wire.ts";
import type { Log } from "./log.ts";
import { nextBoundary, type Window, windowUpTo } from "./window.ts";

export interface Loop {
  intervalMs: number;
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  read(window: Window, sequence: number): Promise<Report>;
  send(report: Report): Promise<void>;
  log: Log;
}

/**
 * Window by window until aborted: waits for the boundary, reads, sends. The window that an abort cuts short is read
 * and sent too. Windows never overlap and follow each other without a gap while reads keep up; a read that outlasts
 * its interval makes the next window late, not parallel, and leaves the time it took out.
 */
export async function runLoop(loop: Loop, signal: AbortSignal): Promise<void> {
  let from = loop.now();
  // Above all an earlier run on this boot can have used, which numbered one report in five seconds from its own start.
  let sequence = from;
  while (!signal.aborted) {
    const boundary = nextBoundary(loop.now(), loop.intervalMs);
    await sleepUntil(loop, boundary, signal);
    const now = loop.now();
    const to = Math.min(boundary, now);
    // A clock set back, or one that leapt (or a machine that slept): this window was not watched to its end.
    const unwatched = (now < boundary && !signal.aborted) || now - boundary > loop.intervalMs;
    if (to !== from && !unwatched) await oneWindow(loop, windowUpTo(from, to, loop.intervalMs), sequence);
    from = unwatched ? now : to;
    sequence += 1;
  }
}

async function oneWindow(loop: Loop, window: Window, sequence: number): Promise<void> {
  try {
    await loop.send(await loop.read(window, sequence));
  } catch (error) {
    loop.log({ level: "error", event: "window-failed", sequence, reason: (error as Error).message });
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
