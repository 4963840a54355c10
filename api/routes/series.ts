import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { series as readSeries } from "../../db/queries/series.ts";
import type { SeriesAnswer as Answer } from "../../db/queries/series.ts";
import {
  isCount,
  SERIES_AGGREGATES,
  SERIES_COUNTS,
  SERIES_METRICS,
} from "../../db/queries/series/metrics.ts";
import { DEFAULT_RETENTION, TIERS } from "../../db/tiers.ts";
import { allow, readableClusters } from "../access.ts";
import { bearer, json, problems, Time, toTime } from "../contract.ts";
import { filters, flag, whole } from "../parameters.ts";
import { invalid } from "../problem.ts";
import { router } from "../router.ts";
import { outwards, resolveStep } from "../step.ts";
import { Duration, resolveWindow, windowParameters } from "../window.ts";

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 50;

const SeriesQuery = z.strictObject({
  metric: z.enum(SERIES_METRICS).meta({
    param: {
      description: `Counts, which add up: ${SERIES_COUNTS.join(", ")}. The others are gauges.`,
    },
  }),
  by: z
    .enum(["cluster", "node"])
    .optional()
    .meta({ param: { description: "A series for each. Default cluster, or node where `node` is given." } }),
  ...filters,
  aggregate: z
    .enum(SERIES_AGGREGATES)
    .optional()
    .meta({
      param: {
        description:
          "What a step makes of a gauge: its highest, lowest, average or last. Default max; utilisation has no average.",
      },
    }),
  rate: flag.optional().meta({
    param: { description: "Of a count: a second of the time that reports cover. Default false, the sum." },
  }),
  step: Duration.optional().meta({
    param: {
      description:
        "Time between points, of clusters in multiples of 1m, or of what is kept since the begin. Default: for some 300 points.",
    },
  }),
  limit: whole(1, MAX_LIMIT)
    .optional()
    .meta({
      param: { description: `Series at most by node, 1 to ${MAX_LIMIT}. Default ${DEFAULT_LIMIT}.` },
    }),
  ...windowParameters,
});
type Query = z.infer<typeof SeriesQuery>;

const Series = z
  .object({
    labels: z.object({ cluster: z.string(), node: z.string().optional() }),
    points: z.array(z.tuple([z.number(), z.number()])).meta({
      description: "[begin of the step in epoch ms, value]; a step of which nothing is known has no point.",
    }),
  })
  .meta({ id: "Series" });

const SeriesAnswer = z
  .object({
    metric: z.enum(SERIES_METRICS),
    stepMs: z.int(),
    series: z.array(Series),
    omitted: z.int().meta({ description: "Series beyond `limit`, all with lower peaks." }),
    window: z.object({
      from: Time,
      to: Time,
      tiers: z
        .array(z.enum(TIERS))
        .meta({ description: "How long the time slots are that were read, finest first." }),
    }),
  })
  .meta({ id: "SeriesAnswer" });

const getSeries = createRoute({
  method: "get",
  path: "/v1/series",
  summary: "A metric of the tables over time",
  description:
    "A node's gauge is of the windows that reach into the step; a count is the sum of the windows that begin in it. The " +
    "cluster's is the sum over its nodes of each minute, so that its highest is that of the minute in which the nodes' highest " +
    "add up to most; of utilisation it is that of the fullest node. `count` is the kernel's own, `entries` what a dump found. " +
    "The range moves outwards to whole steps. By node, the series with the highest peaks come first.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: SeriesQuery },
  responses: {
    200: json(SeriesAnswer, "One series a cluster or node"),
    ...problems(401, 403, 404, 422, 503),
  },
});

export const series = router().openapi(getSeries, async (c) => {
  const { db, now, retention = DEFAULT_RETENTION } = c.var.deps;
  const query = c.req.valid("query");
  const { metric, node, cluster, aggregate = "max", rate = false } = query;
  const by = query.by ?? (node === undefined ? "cluster" : "node");
  checkFit(query);
  const at = now();
  const limit = by === "cluster" || node !== undefined ? 1 : (query.limit ?? DEFAULT_LIMIT);
  const slice = resolveWindow(query, at);
  const stepMs = resolveStep(query.step, slice, { by, series: limit, retention, now: at });
  const window = outwards(slice, stepMs);
  const clusters = await readableClusters(db, c.var.caller, cluster);
  const asked = { metric, by, node, aggregate, rate, ...window, stepMs, limit, retention, now: at };
  const answers = await Promise.all(
    clusters.map(async ({ id, name }) => ({
      cluster: name,
      answer: await readSeries(db, { clusterId: id, ...asked }),
    })),
  );
  const together = by === "node" && node === undefined ? highest(answers, limit) : all(answers);
  const tiers = TIERS.filter((_, tier) =>
    answers.some(({ answer }) => answer.pieces.some((piece) => piece.tier === tier)),
  );
  return c.json(
    { metric, stepMs, ...together, window: { from: toTime(window.from), to: toTime(window.to), tiers } },
    200,
  );
});

type Answers = readonly { cluster: string; answer: Answer }[];

function all(answers: Answers) {
  const series = answers.flatMap(({ cluster, answer }) =>
    answer.series.map(({ node, points }) => ({
      labels: { cluster, ...(node !== null && { node }) },
      points,
    })),
  );
  return { series, omitted: answers.reduce((sum, { answer }) => sum + answer.omitted, 0) };
}

/** Of all clusters, those with the highest peaks. */
function highest(answers: Answers, limit: number) {
  const { series, omitted } = all(answers);
  const ranked = series
    .map((one) => ({ one, peak: one.points.reduce((peak, [, value]) => Math.max(peak, value), 0) }))
    .toSorted((a, b) => b.peak - a.peak);
  return {
    series: ranked.slice(0, limit).map(({ one }) => one),
    omitted: omitted + Math.max(0, series.length - limit),
  };
}

/** What does not go together must not be answered as if it did. */
function checkFit({ metric, by, node, aggregate, rate, limit }: Query): void {
  const wrong = (parameter: string, message: string) =>
    invalid("The query is invalid.", [{ path: [parameter], message }]);
  if (by === "cluster" && node !== undefined) throw wrong("by", "one node has a series by node");
  if (limit !== undefined && by !== "node")
    throw wrong("limit", "only many series need one: use it with by=node");
  if (isCount(metric)) {
    if (aggregate)
      throw wrong("aggregate", `${metric} is a count: its steps are sums, or with rate=true a second`);
  } else if (rate)
    throw wrong("rate", `${metric} is a gauge; rates are of counts: ${SERIES_COUNTS.join(", ")}`);
  if (metric === "utilisation" && aggregate === "avg")
    throw wrong("aggregate", "utilisation has no average: divide that of count by that of limit");
}
