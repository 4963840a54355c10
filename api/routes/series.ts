import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { series as readSeries, SERIES_COUNTS, SERIES_METRICS } from "../../db/queries/series.ts";
import { allow, readableClusters } from "../access.ts";
import { bearer, json, problems } from "../contract.ts";
import { filters } from "../parameters.ts";
import { router } from "../router.ts";
import { resolveStep } from "../step.ts";
import { Duration, resolveWindow, toWindow, Window, windowParameters } from "../window.ts";

const SeriesQuery = z.strictObject({
  metric: z.enum(SERIES_METRICS).meta({
    param: {
      description: `Counts, which add up: ${SERIES_COUNTS.join(", ")}. The others are gauges, of which the highest counts.`,
    },
  }),
  by: z
    .enum(["cluster", "node"])
    .optional()
    .meta({ param: { description: "A series for each. Default cluster, or node where `node` is given." } }),
  ...filters,
  step: Duration.optional().meta({
    param: { description: "Time between points. Default: for some 300 points." },
  }),
  ...windowParameters,
});

const Series = z
  .object({
    labels: z.object({ cluster: z.string(), node: z.string().optional() }),
    points: z.array(z.tuple([z.number(), z.number()])).meta({
      description: "[begin of the step in epoch ms, value]; a step of which nothing is known has no point.",
    }),
  })
  .meta({ id: "Series" });

const SeriesAnswer = z
  .object({ metric: z.enum(SERIES_METRICS), stepMs: z.int(), series: z.array(Series), window: Window })
  .meta({ id: "SeriesAnswer" });

const getSeries = createRoute({
  method: "get",
  path: "/v1/series",
  summary: "A metric of the tables over time",
  description:
    "A node's gauge is the highest of the windows that reach into the step; a count is the sum of the windows that begin " +
    "in it. The cluster's is the sum over its nodes, but utilisation the highest of them. `count` is the kernel's own, " +
    "`entries` what a dump found.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: SeriesQuery },
  responses: {
    200: json(SeriesAnswer, "One series a cluster or node"),
    ...problems(401, 403, 404, 422, 503),
  },
});

export const series = router().openapi(getSeries, async (c) => {
  const { db, now } = c.var.deps;
  const { metric, by, node, cluster, step, ...time } = c.req.valid("query");
  const window = resolveWindow(time, now());
  const stepMs = resolveStep(step, window);
  const clusters = await readableClusters(db, c.var.caller, cluster);
  const answers = await Promise.all(
    clusters.map(async ({ id, name }) => {
      const rows = await readSeries(db, { clusterId: id, metric, by, node, ...window, stepMs });
      return rows.map(({ node, points }) => ({
        labels: { cluster: name, ...(node !== null && { node }) },
        points,
      }));
    }),
  );
  return c.json({ metric, stepMs, series: answers.flat(), window: toWindow(window) }, 200);
});
