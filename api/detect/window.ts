import type { NodeWindow } from "../../db/look.ts";

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** Whether its gauges of entries are its own: else they stand as an older dump left them, and are no new evidence. */
export const isFresh = ({ takenAt, from }: NodeWindow): boolean => takenAt !== undefined && takenAt >= from;

/** Entries in the table: the kernel's count, else those of a dump of this window. */
export const usedOf = (window: NodeWindow): number | undefined =>
  window.count ?? (isFresh(window) ? window.entries : undefined);

/** How full the table is, 0 to 1 and seldom above; undefined where that is not known, or the kernel knows no limit (max 0). */
export function fillOf(window: NodeWindow): number | undefined {
  const used = usedOf(window);
  if (used === undefined || window.max === undefined || window.max <= 0) return undefined;
  return used / window.max;
}

export const lengthOf = ({ from, to }: NodeWindow): number => to - from;

/** Windows of those of which some part lies in the `ms` before `to`, and which begin before it. */
export const within = (windows: readonly NodeWindow[], to: number, ms: number): NodeWindow[] =>
  windows.filter((window) => window.to > to - ms && window.from < to);

type Counter =
  | "opened"
  | "closed"
  | "found"
  | "invalid"
  | "insertFailed"
  | "drop"
  | "earlyDrop"
  | "clashResolve"
  | "chainTooLong"
  | "tableFull";

/** Sum of a counter over the windows that know it; undefined where none does. */
export function sumOf(windows: readonly NodeWindow[], counter: Counter): number | undefined {
  const known = windows.flatMap((window) => window[counter] ?? []);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

/**
 * Whether a window ends in the first `ms` of a slot of `slotMs`, or is the first that ends in it: what changes slowly need not be looked at
 * in every window.
 */
export const isEarlyIn = (window: { from: number; to: number }, slotMs: number, ms: number): boolean =>
  window.to % slotMs < Math.max(ms, window.to - window.from);
