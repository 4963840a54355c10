import { AGGREGATES } from "../../tiers.ts";
import type { Aggregate } from "../../tiers.ts";
import { columnOf, isCount } from "./metrics.ts";
import type { SeriesAggregate, SeriesMetric } from "./metrics.ts";

/**
 * How a metric is read: SQL over a window or a bucket `s` (and `k`, its row `known`), and over the rows of a step, each with
 * `at`, `value` and `weight`.
 */
export type Measured = {
  /** Whether a window gives to each step it reaches into, or only to the one it begins in. */
  reaches: boolean;
  row: (typeof AGGREGATES)[Aggregate];
  ofWindow: { value: string; weight: string };
  ofBucket: { value: string; weight: string };
  /** Rows without a value say how long was looked, and nothing else. */
  onlyKnown: boolean;
  ofStep: string;
};

/** Sums are doubles: those of integers fail where they leave 64 bits. */
const SUM = "iif(count(value) > 0, total(value), null)";
const UTILISATION = "coalesce(s.count, s.entries) * 1.0 / nullif(s.max, 0)";
const UNWEIGHTED = "1";

/** `coveredMs`: how much time reports tell of. Of utilisation there is no average. `rate`: of a count, what there was a second of the time that was looked at. */
export function measured(
  metric: SeriesMetric | "coveredMs",
  aggregate: SeriesAggregate,
  rate: boolean,
): Measured {
  if (metric === "coveredMs") return ofCount("s.end - s.start", "s.covered_ms", false);
  if (metric === "utilisation") return ofGauge(aggregate, UTILISATION, "s.utilisation");
  const column = `s."${columnOf(metric)}"`;
  return isCount(metric) ? ofCount(column, column, rate) : ofGauge(aggregate, column, column);
}

function ofCount(window: string, bucket: string, rate: boolean): Measured {
  return {
    reaches: false,
    row: AGGREGATES.sum,
    ofWindow: { value: window, weight: "s.end - s.start" },
    ofBucket: { value: bucket, weight: "s.covered_ms" },
    onlyKnown: false,
    ofStep: rate ? `1000 * ${SUM} / nullif(total(weight), 0)` : SUM,
  };
}

function ofGauge(aggregate: SeriesAggregate, window: string, bucket: string): Measured {
  const known = bucket.replace("s.", "k.");
  return {
    reaches: true,
    row: AGGREGATES[aggregate === "avg" ? "sum" : aggregate],
    ofWindow: { value: window, weight: UNWEIGHTED },
    ofBucket: { value: bucket, weight: aggregate === "avg" ? `coalesce(${known}, s.windows)` : UNWEIGHTED },
    onlyKnown: true,
    ofStep: OF_STEP[aggregate],
  };
}

const OF_STEP: Readonly<Record<SeriesAggregate, string>> = {
  max: "max(value)",
  min: "min(value)",
  avg: "total(value) / nullif(total(weight), 0)",
  // SQLite takes a bare column from the row of the only max().
  last: "iif(max(at) is null, null, value)",
};
