import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { nodesIn } from "../../db/queries/nodes.ts";
import type { Node as NodeRow } from "../../db/queries/nodes.ts";
import { allow, readableCluster } from "../access.ts";
import { bearer, ClusterPath, json, problems, Time, toTime, toTimeOrNull } from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { router } from "../router.ts";

const Gauge = z.int().nullable();

const Node = z
  .object({
    name: z.string(),
    addresses: z.array(z.string()),
    bootId: z.string().nullable(),
    agent: z.string(),
    kernel: z.string(),
    source: z.string().nullable().meta({ description: "How the table was read." }),
    events: z.enum(["off", "complete", "lossy"]).nullable(),
    blind: z.array(z.string()).meta({ description: "What the source could not see, in words." }),
    interrupted: z.boolean().nullable(),
    unreadableLines: Gauge,
    overruns: Gauge.meta({ description: "Times the kernel said that it had no room and lost events." }),
    opened: z
      .enum(["events", "dumps"])
      .nullable()
      .meta({ description: "How flows that began and ended were counted; dumps miss the short ones." }),
    untracked: Gauge.meta({ description: "Entries of sources and flow groups that were not told apart." }),
    older: Gauge.meta({ description: "Live entries whose end the kernel will not report." }),
    forgotten: Gauge.meta({ description: "Flows beyond those the agent remembers." }),
    firstSeenAt: Time,
    lastSeenAt: Time.nullable().meta({ description: "When the last report came in." }),
    windowFrom: Time.nullable(),
    windowTo: Time.nullable(),
    count: Gauge,
    max: Gauge,
    buckets: Gauge,
    entries: Gauge,
    unreplied: Gauge,
    utilisation: z.number().nullable().meta({ description: "count / max" }),
  })
  .meta({ id: "Node", description: "A node as its latest window describes it. Null is not known." });

const toNode = (row: NodeRow) => ({
  ...row,
  firstSeenAt: toTime(row.firstSeenAt),
  lastSeenAt: toTimeOrNull(row.lastSeenAt),
  windowFrom: toTimeOrNull(row.windowFrom),
  windowTo: toTimeOrNull(row.windowTo),
});

const getNodes = createRoute({
  method: "get",
  path: "/v1/clusters/{cluster}/nodes",
  summary: "The nodes of a cluster, by name",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { params: ClusterPath, query: z.strictObject(pageParameters) },
  responses: {
    200: json(z.object({ nodes: z.array(Node), next: Next }), "Nodes"),
    ...problems(401, 403, 404, 422, 503),
  },
});

export const nodes = router().openapi(getNodes, async (c) => {
  const { db } = c.var.deps;
  const { id } = await readableCluster(db, c.var.caller, c.req.valid("param").cluster);
  const page = pageQuery(c.req.valid("query"));
  const { rows, ...next } = toPage(await nodesIn(db, id, page), page, ({ name }) => name);
  return c.json({ nodes: rows.map(toNode), ...next }, 200);
});
