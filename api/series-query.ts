import * as z from "zod";
import { isCount as isFlowCount, MEASURES } from "../db/fold/measures.ts";
import type { Measure } from "../db/fold/measures.ts";
import { isCount, SERIES_AGGREGATES, SERIES_COUNTS, SERIES_METRICS } from "../db/queries/series/metrics.ts";
import type { SeriesMetric } from "../db/queries/series/metrics.ts";
import { TIERS } from "../db/tiers.ts";
import { Time } from "./contract.ts";
import { filters, flag, flowFilters, ownerFilters, whole } from "./parameters.ts";
import { invalid } from "./problem.ts";
import { Duration, FoldedUntil, windowParameters } from "./window.ts";

const MAX_LIMIT = 1_000;
/** Of rows, each slot of time is looked through for all of them. */
const MAX_ROWS = 100;
const DEFAULT_LIMIT = 50;
const DEFAULT_ROWS = 10;

/** Peers of several slots do not add up. */
const FLOW_METRICS = MEASURES.filter((measure) => measure !== "peers");
const METRICS = [...new Set([...SERIES_METRICS, ...FLOW_METRICS])];
/** What a series is of where flows are told apart. */
const ROWS = ["pod", "workload", "namespace", "address", "peer"] as const;
const NARROWING = { ...ownerFilters, ...flowFilters };

export const SeriesQuery = z.strictObject({
  metric: z.enum(METRICS).meta({
    param: {
      description:
        `Counts, which add up: ${SERIES_COUNTS.join(", ")}, bytes, packets. The others are gauges. By owner, address or ` +
        `peer, and narrowed to some owners or flows: ${FLOW_METRICS.join(", ")}.`,
    },
  }),
  by: z
    .enum(["cluster", "node", ...ROWS])
    .optional()
    .meta({ param: { description: "A series for each. Default cluster, or node where `node` is given." } }),
  ...filters,
  ...NARROWING,
  aggregate: z
    .enum(SERIES_AGGREGATES)
    .optional()
    .meta({
      param: {
        description:
          "What a step makes of a gauge: its highest, lowest, average or last. Default max; utilisation has no average, " +
          "and by owner, address or peer there is no other.",
      },
    }),
  rate: flag.optional().meta({
    param: { description: "Of a count: a second of the time that reports cover. Default false, the sum." },
  }),
  step: Duration.optional().meta({
    param: {
      description:
        "Time between points: of whole clusters, and by owner, address or peer, multiples of 1m; where only longer slots are kept, " +
        "multiples of those. Default: for some 300 points, of many series some 100.",
    },
  }),
  limit: whole(1, MAX_LIMIT)
    .optional()
    .meta({
      param: {
        description:
          `Series at most. By node 1 to ${MAX_LIMIT}, default ${DEFAULT_LIMIT}; by owner, address or peer 1 to ` +
          `${MAX_ROWS}, default ${DEFAULT_ROWS}.`,
      },
    }),
  ...windowParameters,
});
export type SeriesQuery = z.infer<typeof SeriesQuery>;

const Series = z
  .object({
    labels: z.record(z.string(), z.union([z.string(), z.int()])).meta({
      description: "cluster, and what the series is of; what nobody knows is missing.",
      example: { cluster: "prod", namespace: "shop", pod: "web-0", node: "node-1" },
    }),
    remainder: z.literal(true).optional().meta({
      description: "All that has no series of its own, taken together; not there where that has nothing.",
    }),
    points: z.array(z.tuple([z.number(), z.number()])).meta({
      description: "[begin of the step in epoch ms, value]; a step of which nothing is known has no point.",
    }),
  })
  .meta({ id: "Series" });
export type Series = z.infer<typeof Series>;

export const SeriesAnswer = z
  .object({
    metric: z.enum(METRICS),
    stepMs: z.int(),
    series: z.array(Series),
    omitted: z
      .int()
      .meta({ description: "Series beyond `limit`; by owner, address or peer at least so many." }),
    lack: z.number().optional().meta({
      description:
        "By owner, address or peer, and narrowed: no point is short of more than this; 0 where all are exact.",
    }),
    window: z.object({
      from: Time,
      to: Time,
      foldedUntil: FoldedUntil,
      tiers: z
        .array(z.enum(TIERS))
        .meta({ description: "How long the time slots are that were read, finest first." }),
    }),
  })
  .meta({ id: "SeriesAnswer" });

/** A question about whole tables, answered from samples. */
export type SampleQuestion = SeriesQuery & { metric: SeriesMetric; by: "cluster" | "node"; limit: number };
/** A question about some flows, answered from tables of flows; `by` undefined: all of them together. */
export type FlowQuestion = SeriesQuery & { metric: Measure; by: FlowBy | undefined; limit: number };
type FlowBy = (typeof ROWS)[number] | "node";

const isFlowMetric = (metric: string): metric is Measure => FLOW_METRICS.some((known) => known === metric);
const isSampleMetric = (metric: string): metric is SeriesMetric =>
  SERIES_METRICS.some((known) => known === metric);
const isRow = (by: string | undefined): by is (typeof ROWS)[number] => ROWS.some((row) => row === by);

/** What is asked: of samples or of flows. Throws a problem where parameters do not go together. */
export function askedOf(
  query: SeriesQuery,
): { of: "samples"; question: SampleQuestion } | { of: "flows"; question: FlowQuestion } {
  if (query.by === "cluster" && query.node !== undefined) throw wrong("by", "one node has a series by node");
  const narrowed = Object.keys(NARROWING).find((name) => query[name as keyof SeriesQuery] !== undefined);
  const { metric } = query;
  if (!isRow(query.by) && narrowed === undefined && isSampleMetric(metric))
    return { of: "samples", question: ofSamples({ ...query, metric }) };
  if (isFlowMetric(metric)) return { of: "flows", question: ofFlows({ ...query, metric }) };
  const why = isRow(query.by) ? `by ${query.by}` : `narrowed by ${narrowed}`;
  throw wrong("metric", `${metric} is known of whole tables; ${why} there are ${FLOW_METRICS.join(", ")}`);
}

function ofSamples(query: SeriesQuery & { metric: SeriesMetric }): SampleQuestion {
  const { metric, node, aggregate } = query;
  const by = query.by === "node" || node !== undefined ? "node" : "cluster";
  checkRate(query, isCount(metric));
  if (metric === "utilisation" && aggregate === "avg")
    throw wrong("aggregate", "utilisation has no average: divide that of count by that of limit");
  const isMany = by === "node" && node === undefined;
  return { ...query, by, limit: limitOf(query, isMany && { most: MAX_LIMIT, usual: DEFAULT_LIMIT }) };
}

function ofFlows(query: SeriesQuery & { metric: Measure }): FlowQuestion {
  const { metric, node, aggregate } = query;
  const by = query.by === "cluster" || (query.by === "node" && node !== undefined) ? undefined : query.by;
  checkRate(query, isFlowCount(metric));
  if (aggregate !== undefined && aggregate !== "max")
    throw wrong("aggregate", "by owner, address or peer, and narrowed, only the highest is kept");
  return { ...query, by, limit: limitOf(query, by !== undefined && { most: MAX_ROWS, usual: DEFAULT_ROWS }) };
}

function checkRate({ metric, aggregate, rate }: SeriesQuery, isCount: boolean): void {
  if (isCount && aggregate)
    throw wrong("aggregate", `${metric} is a count: its steps are sums, or with rate=true a second`);
  if (!isCount && rate)
    throw wrong(
      "rate",
      `${metric} is a gauge; rates are of counts: ${SERIES_COUNTS.join(", ")}, bytes, packets`,
    );
}

/** `many`: false where there is one series a cluster. */
function limitOf({ limit }: SeriesQuery, many: false | { most: number; usual: number }): number {
  if (!many && limit !== undefined)
    throw wrong(
      "limit",
      "there is one series a cluster or node asked for: use it by node, owner, address or peer",
    );
  if (!many) return 1;
  if (limit !== undefined && limit > many.most)
    throw wrong("limit", `not a whole number from 1 to ${many.most}`);
  return limit ?? many.usual;
}

const wrong = (parameter: string, message: string) =>
  invalid("The query is invalid.", [{ path: [parameter], message }]);
