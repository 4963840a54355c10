import type { NodeWindow, Slot } from "../../db/look.ts";
import { leastDeviation, measure, measureSlot, scaled, unscaled } from "./series.ts";
import type { Level, Series } from "./series.ts";

/** What is usual. */
export type Baseline = {
  /** In entries, or so many a second. */
  mean: number;
  /** On the scale of the series: of gauges in entries, of rates in units of log1p. */
  deviation: number;
  /** How many days say so; 0 where other nodes do. */
  days: number;
};

const HOUR_MS = 3_600_000;
const HOURS = 24;
const DAYS = 14;
const WEEK = 7;
/** What is further away than so many robust deviations is an incident: it counts as if it were no further. */
const CLIP = 4;
/** Makes a median absolute deviation comparable to a standard deviation. */
const ROBUST = 1.4826;
/** The range of an hour of windows is some five deviations wide. */
const RANGE = 5;
/** Before a week is known, the busiest day may be so many times the median one: a working day after a weekend. */
const WORKING_DAY = 2.5;
/** Spread known from few days is uncertain: times 3 of one day, 2 of two days, 1.1 of all. */
const FEW_DAYS = 2;
/** So many other nodes tell what is usual of one without history … */
const MIN_PEERS = 8;
/** … but nodes differ: a deviation is at least this part of their median. */
const PEER_PART = 0.25;

/** Two hours of a day, between the centres of which the time lies, `part` of the way from the first to the second. */
type Around = { age: number; part: number; before?: Slot; after?: Slot };

/** On the scale of the series. */
type Day = { age: number; value: number; spread: number };

/**
 * What is usual at that time of day, from the hours of the days before; undefined before 24 hours are known. Today tells nothing: what is
 * wrong now must not look usual an hour later.
 */
export const baselineAt = (series: Series, hours: readonly Slot[], at: number): Baseline | undefined =>
  baselineOf(series, daysBefore(hours, at));

/** The same of hours that were sorted out before: for many series at one time. */
export function baselineOf(series: Series, around: readonly Around[]): Baseline | undefined {
  const days = around.flatMap((hours) => dayOf(series, hours) ?? []);
  if (days.length === 0) return undefined;
  const values = days.map(({ value }) => value);
  const middle = median(values);
  const least = (value: number) => leastDeviation(series, unscaled(series, value));
  const robust = Math.max(ROBUST * median(values.map((value) => Math.abs(value - middle))), least(middle));
  // Only what is more than usual is scored, so only days above the median tell how much that varies: for those below as many again.
  const above = values.map((value) => Math.min(Math.max(value - middle, 0), CLIP * robust));
  const between = Math.sqrt((2 * above.reduce((sum, off) => sum + off * off, 0)) / above.length);
  const within = median(days.map(({ spread }) => spread)) / RANGE;
  const usual = usualOf(series, days, middle);
  const deviation = Math.hypot(between, within) * (1 + FEW_DAYS / days.length);
  return {
    mean: unscaled(series, usual),
    deviation: Math.max(deviation, least(usual)),
    days: days.length,
  };
}

/** What is usual of a node without history: what it is on the others. Undefined where they are too few. */
export function peerBaseline(series: Series, peers: readonly NodeWindow[]): Baseline | undefined {
  const values = peers.flatMap((peer) => {
    const value = measure(series, peer);
    return value === undefined ? [] : [scaled(series, value)];
  });
  if (values.length < MIN_PEERS) return undefined;
  const middle = median(values);
  const robust = ROBUST * median(values.map((value) => Math.abs(value - middle)));
  const mean = unscaled(series, middle);
  return { mean, deviation: Math.max(robust, leastDeviation(series, mean, PEER_PART)), days: 0 };
}

/**
 * On the scale of the series. More than the median is usual where two days confirm it that tell of the same cause: the last two (it went up
 * and stays), or the same day of the last two weeks. So one incident teaches nothing.
 */
function usualOf(series: Series, days: readonly Day[], middle: number): number {
  if (days.every(({ age }) => age < WEEK)) {
    const busiest = Math.max(...days.map(({ value }) => value));
    return Math.min(busiest, scaled(series, WORKING_DAY * unscaled(series, middle)));
  }
  const at = (age: number) => days.find((day) => day.age === age)?.value ?? -Infinity;
  return Math.max(middle, Math.min(at(1), at(2)), Math.min(at(WEEK), at(2 * WEEK)));
}

/** The hours around that time of day on each of the days before. */
export function daysBefore(hours: readonly Slot[], at: number): Around[] {
  const centre = Math.floor((at - HOUR_MS / 2) / HOUR_MS) * HOUR_MS + HOUR_MS / 2;
  const part = (at - centre) / HOUR_MS;
  const days = Array.from({ length: DAYS }, (_, i): Around => ({ age: i + 1, part }));
  for (const slot of hours) {
    const ahead = ((slot.start + slot.end) / 2 - centre) / HOUR_MS;
    const before = days[-ahead / HOURS - 1];
    const after = days[(1 - ahead) / HOURS - 1];
    if (before) before.before = slot;
    if (after) after.after = slot;
  }
  return days;
}

/** Between the centres of two hours, or of one alone if it is the nearer. */
function dayOf(series: Series, { age, part, ...slots }: Around): Day | undefined {
  const before = slots.before && measureSlot(series, slots.before);
  const after = slots.after && measureSlot(series, slots.after);
  if (before && after) {
    const value = before.mean * (1 - part) + after.mean * part;
    const spread = spreadOf(series, before) * (1 - part) + spreadOf(series, after) * part;
    return { age, value: scaled(series, value), spread };
  }
  const nearer = part <= 0.5 ? before : after;
  return nearer && { age, value: scaled(series, nearer.mean), spread: spreadOf(series, nearer) };
}

const spreadOf = (series: Series, { low, high }: Level): number => scaled(series, high) - scaled(series, low);

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = sorted.length >> 1;
  const upper = sorted[at] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[at - 1] ?? upper) + upper) / 2;
}
