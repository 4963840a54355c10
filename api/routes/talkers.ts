import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { FLOW_METRICS, topFlows } from "../../db/queries/flows.ts";
import type { FlowMetric } from "../../db/queries/flows.ts";
import { TALKER_METRICS, topTalkers } from "../../db/queries/talkers.ts";
import type { TalkerMetric } from "../../db/queries/talkers.ts";
import { allow, readableClusters } from "../access.ts";
import { bearer, json, problems } from "../contract.ts";
import { askFleet } from "../fleet.ts";
import { filters, flowFilters, whole } from "../parameters.ts";
import { protocolName } from "../protocol.ts";
import { router } from "../router.ts";
import { Flows, Talkers } from "../top.ts";
import { resolveWindow, toWindow, windowParameters } from "../window.ts";

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 20;

const TalkerQuery = z
  .strictObject({
    by: z
      .enum(["address", "flow"])
      .optional()
      .meta({ param: { description: "What a row is. Default address." } }),
    metric: z
      .enum(TALKER_METRICS)
      .optional()
      .meta({
        param: {
          description: `What to rank by. Default entries; by flow one of ${FLOW_METRICS.join(", ")}.`,
        },
      }),
    ...filters,
    ...flowFilters,
    ...windowParameters,
    limit: whole(1, MAX_LIMIT)
      .optional()
      .meta({ param: { description: `Rows at most, 1 to ${MAX_LIMIT}. Default ${DEFAULT_LIMIT}.` } }),
  })
  .superRefine(({ by, metric = "entries" }, check) => {
    if (by === "flow" && !isFlowMetric(metric))
      check.addIssue({
        code: "custom",
        path: ["metric"],
        message: `flows are ranked by ${FLOW_METRICS.join(", ")}`,
      });
  });
type Query = z.infer<typeof TalkerQuery>;

const getTalkers = createRoute({
  method: "get",
  path: "/v1/talkers",
  summary: "Who uses the tables most",
  description:
    "entries, snatEntries, unreplied and peers are the most a row held in any one window of a node, added over nodes; " +
    "opened, closed, bytes and packets are those of all windows that overlap the range, added up. Rows and remainder add " +
    "up to the total, and `share` is a part of it by `rankedBy`: the metric, or entries where no row knows that. Without `cluster`, all the token may read " +
    "are answered as one.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: TalkerQuery },
  responses: {
    200: json(z.union([Talkers, Flows]), "The largest first, and a remainder"),
    ...problems(401, 403, 404, 422, 503),
  },
});

export const talkers = router().openapi(getTalkers, async (c) => {
  const { deps, caller } = c.var;
  const query = c.req.valid("query");
  const window = resolveWindow(query, deps.now());
  const clusters = await readableClusters(deps.db, caller, query.cluster);
  const asked = { ...query, ...window, limit: query.limit ?? DEFAULT_LIMIT };
  if (query.by === "flow") {
    const metric = flowMetric(query);
    const { rows, windows, ...rest } = await askFleet(
      clusters.map(({ id, name }) => ({
        cluster: name,
        ask: async (limit) => {
          const { flows, ...answer } = await topFlows(deps.db, { ...asked, metric, limit, clusterId: id });
          return { ...answer, rows: flows };
        },
      })),
      asked.limit,
      metric,
    );
    const named = rows.map((row) => ({ ...row, protocol: protocolName(row.protocol) }));
    return c.json(
      { by: "flow" as const, metric, talkers: named, ...rest, window: toWindow(window, windows) },
      200,
    );
  }
  const metric: TalkerMetric = query.metric ?? "entries";
  const { rows, windows, ...rest } = await askFleet(
    clusters.map(({ id, name }) => ({
      cluster: name,
      ask: async (limit) => {
        const { talkers, ...answer } = await topTalkers(deps.db, { ...asked, metric, limit, clusterId: id });
        return { ...answer, rows: talkers };
      },
    })),
    asked.limit,
    metric,
  );
  return c.json(
    { by: "address" as const, metric, talkers: rows, ...rest, window: toWindow(window, windows) },
    200,
  );
});

const isFlowMetric = (metric: TalkerMetric): metric is FlowMetric =>
  FLOW_METRICS.some((known) => known === metric);

const flowMetric = ({ metric = "entries" }: Query): FlowMetric => (isFlowMetric(metric) ? metric : "entries");
