import { SLOT_COUNTS, SLOT_GAUGES } from "../look.ts";
import type { NodeWindow, Slot, SlotCount, SlotGauge } from "../look.ts";
import { AGGREGATES } from "../tiers.ts";

/** Gauges as samples have them: those with source NAT stand in two columns, each with a highest and a lowest of its own. */
const PARTS = ["count", "entries", "unreplied", "synSent", "synRecv", "established", "closeWait"] as const;
type Part = (typeof PARTS)[number] | "natSnat" | "natBoth";
/** Columns of a SlotTuple behind its first values, in their order. */
export const SLOT_COLUMNS: readonly string[] = [
  "count",
  "entries",
  "unreplied",
  "tcp_syn_sent",
  "tcp_syn_recv",
  "tcp_established",
  "tcp_close_wait",
  "nat_snat",
  "nat_both",
  "opened",
  "closed",
  "stat_invalid",
  "stat_insert_failed",
  "stat_drop",
  "stat_early_drop",
  "stat_found",
  "stat_clash_resolve",
];

type Numbers = (number | null)[];
/** One row of samples of a bucket; see AGGREGATES. */
export type SlotTuple = [
  start: number,
  aggregate: number,
  limit: number | null,
  windows: number | null,
  coveredMs: number | null,
  ...Numbers,
];

/** A window, and its entries by kind of source NAT. */
export type SlotWindow = NodeWindow & { natSnat?: number | undefined; natBoth?: number | undefined };

type Range = { min: number; max: number; last: number; mean: number };
type Ranges = (part: number) => Range | undefined;

/** Slots of these rows of samples, all of one node and tier, the oldest first. */
export function slotsOfRows(rows: readonly SlotTuple[], lengthMs: number): Slot[] {
  return [...Map.groupBy(rows, ([start]) => start)]
    .toSorted(([a], [b]) => a - b)
    .map(([start, ofSlot]) => slotOfRows(start, lengthMs, ofSlot));
}

/** Where values begin in a SlotTuple. */
const VALUES = 5;
const FIRST_COUNT = VALUES + PARTS.length + 2;

function slotOfRows(start: number, lengthMs: number, rows: readonly SlotTuple[]): Slot {
  const of = (aggregate: number) => rows.find((row) => row[1] === aggregate);
  const [max, min, last] = [of(AGGREGATES.max), of(AGGREGATES.min), of(AGGREGATES.last)];
  const [sum, known] = [of(AGGREGATES.sum), of(AGGREGATES.known)];
  const windows = sum?.[3] ?? 0;
  const ranges: Ranges = (part) => {
    const at = VALUES + part;
    const [most, least, total] = [max?.[at], min?.[at], sum?.[at]];
    if (typeof most !== "number" || typeof least !== "number" || typeof total !== "number") return undefined;
    const mean = total / Math.max(1, known?.[at] ?? windows);
    return { min: least, max: most, last: last?.[at] ?? mean, mean };
  };
  const counts = SLOT_COUNTS.map((name, i) => [name, sum?.[FIRST_COUNT + i] ?? undefined] as const);
  return {
    start,
    end: start + lengthMs,
    coveredMs: sum?.[4] ?? 0,
    max: max?.[2] ?? undefined,
    gauges: gaugesOf(ranges),
    counts: onlyKnown(counts),
  };
}

/**
 * What folding makes of these windows of a node: gauges of all that reach into the slot, counts of those that begin in it. Undefined where
 * none do. In order of their begins.
 */
export function slotOfWindows(
  { start, end }: { start: number; end: number },
  windows: readonly SlotWindow[],
): Slot | undefined {
  const reaching = windows.filter(({ from, to }) => from < end && to > start);
  if (reaching.length === 0) return undefined;
  const begun = reaching.filter(({ from }) => from >= start);
  const names: readonly Part[] = [...PARTS, "natSnat", "natBoth"];
  const ranges: Ranges = (part) => rangeOf(reaching, names[part] ?? "count");
  const counts = SLOT_COUNTS.map((name) => [name, sumOf(begun, name)] as const);
  return {
    start,
    end,
    coveredMs: coveredMs(reaching, start),
    max: highest(reaching.map(({ max }) => max)),
    gauges: gaugesOf(ranges),
    counts: onlyKnown(counts),
  };
}

const isKnown = (value: number | undefined): value is number => value !== undefined;
const highest = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter(isKnown);
  return known.length > 0 ? Math.max(...known) : undefined;
};

function rangeOf(windows: readonly SlotWindow[], name: Part): Range | undefined {
  const known = windows.map((window) => window[name]).filter(isKnown);
  if (known.length === 0) return undefined;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return {
    min: Math.min(...known),
    max: Math.max(...known),
    last: windows.at(-1)?.[name] ?? mean,
    mean,
  };
}

function sumOf(windows: readonly SlotWindow[], name: SlotCount): number | undefined {
  const known = windows.map((window) => window[name]).filter(isKnown);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : undefined;
}

/** Of those that begin in the slot, what none before them covers: windows of two boots may overlap. */
function coveredMs(windows: readonly SlotWindow[], start: number): number {
  let covered = 0;
  let until = 0;
  for (const { from, to } of windows) {
    if (from >= start) covered += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return covered;
}

function gaugesOf(ranges: Ranges): Slot["gauges"] {
  const [snat, both] = [ranges(PARTS.length), ranges(PARTS.length + 1)];
  const found = SLOT_GAUGES.map(
    (name) =>
      [name, name === "snat" ? snat && both && added(snat, both) : ranges(PARTS.indexOf(name))] as const,
  );
  return onlyKnown<SlotGauge, Range>(found);
}

const added = (one: Range, other: Range): Range => ({
  min: one.min + other.min,
  max: one.max + other.max,
  last: one.last + other.last,
  mean: one.mean + other.mean,
});

function onlyKnown<Name extends string, Value>(
  values: readonly (readonly [Name, Value | undefined])[],
): Partial<Record<Name, Value>> {
  const known: Partial<Record<Name, Value>> = {};
  for (const [name, value] of values) if (value !== undefined) known[name] = value;
  return known;
}
