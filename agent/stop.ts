import type { EventEmitter } from "node:events";

/** How long what is under way at a stop may still take, and each thing begun after it. */
const GRACE_MS = 1_500;
/** SIGTERM is answered within five seconds; what is not done by now is not done. */
const DEADLINE_MS = 4_500;

/** A wish to stop, and how much time it leaves. */
export interface Stop {
  /** Aborted by the first SIGTERM or SIGINT. */
  asked: AbortSignal;
  /** A signal that ends an attempt after `ms`, or soon after the stop. */
  within(ms: number): AbortSignal;
}

/**
 * Listens for SIGTERM and SIGINT. Whoever stops a whole process group signals twice, once through the parent: the second
 * one must not cut the first short. `tooLate` is called where the process has not ended by itself in time.
 */
export function stopOf(signals: EventEmitter, tooLate: (signal: string) => void): Stop {
  const asked = new AbortController();
  const graceOver = new AbortController();
  const stop = (name: string) => {
    if (asked.signal.aborted) return;
    asked.abort();
    setTimeout(() => graceOver.abort(new Error("the agent is stopping")), GRACE_MS).unref();
    setTimeout(() => tooLate(name), DEADLINE_MS).unref();
  };
  signals.on("SIGTERM", stop).on("SIGINT", stop);
  return {
    asked: asked.signal,
    within: (ms) =>
      graceOver.signal.aborted
        ? AbortSignal.timeout(GRACE_MS)
        : AbortSignal.any([AbortSignal.timeout(ms), graceOver.signal]),
  };
}
