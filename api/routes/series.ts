import { createRoute } from "@hono/zod-openapi";
import { DEFAULT_RETENTION, TIERS } from "../../db/tiers.ts";
import { allow, clustersAsked } from "../access.ts";
import { bearer, json, problems, toTime } from "../contract.ts";
import { flowSeriesOf } from "../flow-series.ts";
import { router } from "../router.ts";
import { sampleSeriesOf } from "../sample-series.ts";
import { askedOf, SeriesAnswer, SeriesQuery } from "../series-query.ts";
import { outwards, resolveStep } from "../step.ts";
import { resolveWindow } from "../window.ts";

const getSeries = createRoute({
  method: "get",
  path: "/v1/series",
  summary: "A metric over time",
  description:
    "Of whole tables: a node's gauge is of the windows that reach into the step; a count is the sum of the windows that begin in " +
    "it. The cluster's is the sum over its nodes of each minute, so that its highest is that of the minute in which the nodes' " +
    "highest add up to most; of utilisation it is that of the fullest node. `count` is the kernel's own, `entries` what a dump " +
    "found. By node, the series with the highest peaks come first. " +
    "By owner, address or peer: those with most in the range, and what all others had together; gauges are the most held in any " +
    "one minute. A row that a slot of time does not list had nothing there where the slot lists all there were; else it has no point " +
    "there, or one that is short of `lack` at most. The range moves outwards to whole steps.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: SeriesQuery },
  responses: {
    200: json(SeriesAnswer, "One series a cluster, a node or a row"),
    ...problems(401, 403, 404, 422, 503),
  },
});

export const series = router().openapi(getSeries, async (c) => {
  const { deps, caller } = c.var;
  const query = c.req.valid("query");
  const { of, question } = askedOf(query);
  const { retention = DEFAULT_RETENTION } = deps;
  const now = deps.now();
  const slice = resolveWindow(query, now);
  const by = of === "samples" ? question.by : "cluster";
  const stepMs = resolveStep(query.step, slice, { by, series: question.limit, retention, now });
  const steps = { ...outwards(slice, stepMs), stepMs, retention, now };
  const clusters = await clustersAsked(deps.db, caller, query);
  const { pieces, foldedUntil, ...answer } =
    of === "samples"
      ? { ...(await sampleSeriesOf(deps.db, clusters, { ...question, ...steps })), lack: undefined }
      : await flowSeriesOf(deps.db, clusters, { ...question, ...steps });
  const window = {
    from: toTime(steps.from),
    to: toTime(steps.to),
    ...(foldedUntil !== undefined && { foldedUntil: toTime(foldedUntil) }),
    tiers: TIERS.filter((_, tier) => pieces.some((piece) => piece.tier === tier)),
  };
  return c.json({ metric: query.metric, stepMs, ...answer, window }, 200);
});
