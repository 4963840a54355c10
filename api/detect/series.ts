import type { NodeWindow, Slot } from "../../db/look.ts";
import { isFresh, SECOND_MS, usedOf } from "./window.ts";

/** What baselines are kept of: a gauge in entries, or a counter by the second. */
export type Series = "count" | "opened" | "halfOpen" | "closeWait" | "invalid" | "insertFailed";

/** Lowest, mean and highest in a slot; a counter has its mean alone. */
export type Level = { low: number; mean: number; high: number };

type Measured = {
  /** rate: its values spread over orders of magnitude, so that they are compared by their logarithm. */
  kind: "gauge" | "rate";
  /** Deviations are never smaller: in entries, of a rate in units of log1p. */
  floor: number;
  of(window: NodeWindow): number | undefined;
  in(slot: Slot): Level | undefined;
};

/** Of a slot, this part must be covered by windows: what a few of them say is not what an hour is like. */
const MIN_COVER = 0.25;

const MEASURED: Readonly<Record<Series, Measured>> = {
  count: {
    kind: "gauge",
    floor: 250,
    of: usedOf,
    in: ({ gauges }) => levelOf(gauges.count ?? gauges.entries),
  },
  halfOpen: {
    kind: "gauge",
    floor: 50,
    of: (window) => (isFresh(window) ? sum(window.unreplied, window.synRecv) : undefined),
    in: halfOpenIn,
  },
  closeWait: {
    kind: "gauge",
    floor: 50,
    of: (window) => (isFresh(window) ? window.closeWait : undefined),
    in: ({ gauges }) => levelOf(gauges.closeWait),
  },
  // A quarter in log1p: a load that varies by 28 % within the hour is nothing unusual.
  opened: rate("opened", 0.25),
  // What goes wrong comes in bursts: these vary more.
  invalid: rate("invalid", 0.35),
  insertFailed: rate("insertFailed", 0.35),
};

export const secondsOf = ({ from, to }: NodeWindow): number => Math.max(to - from, 1) / SECOND_MS;

/** Of the window: entries, or so many a second. Undefined where it is not known. */
export const measure = (series: Series, window: NodeWindow): number | undefined =>
  MEASURED[series].of(window);

/** The same of a slot of a coarser tier. */
export function measureSlot(series: Series, slot: Slot): Level | undefined {
  const isCovered = slot.coveredMs >= MIN_COVER * (slot.end - slot.start) && slot.coveredMs > 0;
  return isCovered ? MEASURED[series].in(slot) : undefined;
}

export const isRate = (series: Series): boolean => MEASURED[series].kind === "rate";

/** On the scale on which deviations are taken. */
export const scaled = (series: Series, value: number): number => (isRate(series) ? Math.log1p(value) : value);

export const unscaled = (series: Series, value: number): number =>
  isRate(series) ? Math.expm1(value) : value;

/** A deviation is at least this part of the mean. */
const LEAST_PART = 0.02;

/** The least deviation around such a mean, on the scale of the series. */
export const leastDeviation = (series: Series, mean: number, part = LEAST_PART): number => {
  const { kind, floor } = MEASURED[series];
  return kind === "rate" ? floor : Math.max(part * mean, floor);
};

function rate(counter: "opened" | "invalid" | "insertFailed", floor: number): Measured {
  return {
    kind: "rate",
    floor,
    of(window) {
      const count = window[counter];
      return count === undefined ? undefined : count / secondsOf(window);
    },
    in({ counts, coveredMs }) {
      const count = counts[counter];
      if (count === undefined) return undefined;
      const mean = (SECOND_MS * count) / coveredMs;
      return { low: mean, mean, high: mean };
    },
  };
}

function halfOpenIn({ gauges: { unreplied, synRecv } }: Slot): Level | undefined {
  if (!unreplied) return undefined;
  return {
    low: unreplied.min + (synRecv?.min ?? 0),
    mean: unreplied.mean + (synRecv?.mean ?? 0),
    high: unreplied.max + (synRecv?.max ?? 0),
  };
}

const sum = (unreplied: number | undefined, synRecv = 0): number | undefined =>
  unreplied === undefined ? undefined : unreplied + synRecv;

type Gauge = Slot["gauges"]["count"];

const levelOf = (gauge: Gauge): Level | undefined =>
  gauge && { low: gauge.min, mean: gauge.mean, high: gauge.max };
