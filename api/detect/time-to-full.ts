import type { Look, Slot, SlotGauge } from "../../db/look.ts";
import { baselineAt } from "./baseline.ts";
import { growth, levelOf, pointsOf, usualGrowth } from "./history.ts";
import { defineNodeRule } from "./rule.ts";
import type { Contributor, Finding, Severity, Thresholds } from "./rule.ts";
import { contributorsBy, nodeSubject } from "./subject.ts";
import { fillOf, HOUR_MS, MINUTE_MS } from "./window.ts";

const DAY_MS = 24 * HOUR_MS;
/** New flows meet a full table somewhat before the last entry is taken. */
const FULL = 0.95;
/** A leap makes the short one grow, and an hour later the long one: only what goes on makes both. */
const SHORT_MS = HOUR_MS;
const LONG_MS = 4 * HOUR_MS;
/** Stands where the table does not grow. Also the most that is said: a line through hours says nothing of next month. */
export const HORIZON_MS = 7 * DAY_MS;
/** What grows at this time of day is known from so many days of the last 14: of a week without its weekend. */
const LEAST_DAYS = 5;
/** A table is as full as usual up to so many deviations more. */
const USUAL = 2;
/** Of smaller owners nobody need know how large they usually are. */
const MEDIAN_FROM = 1_000;

const hours = (value: number, title: string) => ({
  default: value * HOUR_MS,
  min: MINUTE_MS,
  max: HORIZON_MS,
  unit: "ms",
  title,
});
const thresholds = {
  critical: hours(1, "Full within this: critical"),
  criticalClose: hours(2, "Critical until it takes longer than this"),
  warn: hours(6, "Full within this: warning, where nobody knows what is usual"),
  close: hours(12, "Full no sooner than in this: all is well"),
  unusual: hours(
    8,
    "Full within this by what it grows more than usually at this time of day, where that is known",
  ),
  fill: {
    default: 0.35,
    min: 0,
    max: 1,
    unit: "ratio",
    title: "A table less full than this is not looked at",
  },
};
type Name = keyof typeof thresholds;

/** The table of a node grows so that it will soon be full. */
export const timeToFull = defineNodeRule<Name>({
  name: "time-to-full",
  revision: 1,
  title: "The connection table will soon be full",
  unit: "ms",
  lowerIsWorse: true,
  series: "count",
  thresholds,
  ascending: [
    ["critical", "criticalClose"],
    ["critical", "warn", "close"],
  ],
  policy: {
    need: { windows: 2, ms: 10 * MINUTE_MS },
    // What grows for hours has not stopped where it pauses.
    clearMs: 30 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  gate: (window, limits) =>
    (fillOf(window) ?? -1) >= limits.fill ? { trend: true, hours: true } : undefined,
  urgent: false,
  needOf: { trend: true, hours: true, flows: { medianFrom: MEDIAN_FROM } },
  judge(look, limits, _known, open) {
    const subject = nodeSubject(look.window);
    return [{ subject, finding: judged(look, limits, open?.get(subject.key)) }];
  },
});

function judged(look: Look, limits: Thresholds<Name>, severity: Severity | undefined): Finding {
  const fill = fillOf(look.window);
  if (fill === undefined) return { verdict: "unknown" };
  if (fill < limits.fill) return { verdict: "clear", value: HORIZON_MS };
  const course = courseOf(look);
  if (!course) return { verdict: "unknown" };
  const { leftMs, beyondMs, isKnown, isUsual, facts } = course;
  const measured = { value: Math.min(leftMs, HORIZON_MS), facts, contributors: growing(look) };
  const warnMs = isKnown ? limits.unusual : limits.warn;
  const criticalMs = severity === "critical" ? limits.criticalClose : limits.critical;
  if (leftMs <= criticalMs)
    return { verdict: "bad", severity: "critical", limit: limits.critical, ...measured };
  if (leftMs <= warnMs && !isUsual)
    return { verdict: "bad", severity: "warning", limit: warnMs, ...measured };
  // As much longer in the one case as in the other.
  const isWell = beyondMs > warnMs * (limits.close / limits.warn);
  return { verdict: isWell ? "clear" : "between", limit: warnMs, ...measured };
}

type Course = {
  /** Until it is full by the slower of its two slopes; Infinity: it does not grow. */
  leftMs: number;
  /** The same by what it grows beyond what is usual at this time of day, where that is known: a usual fall ends no leak. */
  beyondMs: number;
  isKnown: boolean;
  /** It is known to be no fuller than usual at this time of day: it grows back to that, after a reboot or when a full table was emptied. */
  isUsual: boolean;
  facts: Record<string, number>;
};

function courseOf({ window, recent, trend, hours }: Look): Course | undefined {
  const level = levelOf([...recent, window], window.to);
  if (!trend || level === undefined || window.max === undefined) return undefined;
  const gauge = gaugeOf(trend);
  const points = pointsOf(trend, gauge, window.to);
  const short = growth(points, window.to, SHORT_MS);
  const long = growth(points, window.to, LONG_MS);
  if (short === undefined || long === undefined) return undefined;
  const left = Math.max(0, FULL * window.max - level);
  const lasts = (perHour: number) => (perHour > 0 ? (left / perHour) * HOUR_MS : Infinity);
  const often = hours && usualGrowth(hours, gauge, window.to, LEAST_DAYS);
  const facts = {
    used: Math.round(level),
    max: window.max,
    perHour: Math.round(Math.min(short, long)),
    ...(often !== undefined && { usualPerHour: Math.round(often) }),
  };
  const isKnown = often !== undefined;
  const leftMs = Math.max(lasts(short - (often ?? 0)), lasts(long));
  const beyondMs = isKnown ? lasts(short - often) : leftMs;
  return { leftMs, beyondMs, isKnown, isUsual: isKnown && level < highest(hours, window.to), facts };
}

/** Up to how many entries are usual at this time of day. */
function highest(hours: readonly Slot[] = [], at: number): number {
  const usual = baselineAt("count", hours, at);
  return usual ? usual.mean + USUAL * usual.deviation : 0;
}

const gaugeOf = (trend: readonly Slot[]): SlotGauge =>
  trend.some(({ gauges }) => gauges.count !== undefined) ? "count" : "entries";

/** Who has more than usually in the last day; where nobody is known to, who has most. */
function growing({ flows }: Look): Contributor[] | undefined {
  const grown = contributorsBy(flows?.parties, ({ entries, dayMedian }) =>
    dayMedian === undefined ? 0 : entries - dayMedian,
  );
  return grown && grown.length > 0 ? grown : contributorsBy(flows?.parties, ({ entries }) => entries);
}
