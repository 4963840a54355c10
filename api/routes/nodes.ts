import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { LATE_AFTER_MS, nodeNamed, nodesIn, retireNode, SILENT_AFTER_MS } from "../../db/queries/nodes.ts";
import type { Node as NodeRow } from "../../db/queries/nodes.ts";
import { allow, readableCluster } from "../access.ts";
import { bearer, ClusterPath, json, problems, Time, toTime, toTimeOrNull } from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { flag } from "../parameters.ts";
import { ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import { MAX_TEXT } from "../wire.ts";

const Gauge = z.int().nullable();

export const Node = z
  .object({
    name: z.string(),
    state: z.enum(["live", "late", "silent", "retired"]).meta({
      description:
        `live: windows come as they end. late: the next window is overdue by ${LATE_AFTER_MS} ms, or the node's clock is behind by ` +
        `as much. silent: overdue by ${SILENT_AFTER_MS} ms. retired: gone on purpose, and nothing came since.`,
    }),
    addresses: z.array(z.string()),
    bootId: z.string().nullable().meta({
      description: "Another one under the same name is a node that was rebooted or made anew.",
    }),
    bootSeenAt: Time.nullable().meta({ description: "When the first report of this boot came." }),
    boots: z.int().meta({ description: "How many boots reported under this name." }),
    agent: z.string(),
    kernel: z.string(),
    kubeProxy: z.string().nullable().meta({ description: "Which rules kube-proxy keeps here." }),
    cores: Gauge,
    memoryBytes: Gauge,
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
    lastSeenAt: Time.nullable().meta({
      description:
        "When the report of the latest window came in; once its windows are deleted, the end of its last hour.",
    }),
    retiredAt: Time.nullable(),
    lagMs: Gauge.meta({
      description: "How long ago the latest window ended by the node's clock; below 0 where that runs ahead.",
    }),
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
  bootSeenAt: toTimeOrNull(row.bootSeenAt),
  firstSeenAt: toTime(row.firstSeenAt),
  lastSeenAt: toTimeOrNull(row.lastSeenAt),
  retiredAt: toTimeOrNull(row.retiredAt),
  windowFrom: toTimeOrNull(row.windowFrom),
  windowTo: toTimeOrNull(row.windowTo),
});

const NodeWithBoots = Node.extend({
  bootHistory: z
    .array(z.object({ bootId: z.string(), firstSeenAt: Time.nullable() }))
    .meta({ description: "The boots that reported under this name, the first to report first." }),
}).meta({ id: "NodeWithBoots", description: "A node as its latest window describes it, and its boots." });

const NodePath = ClusterPath.extend({ node: z.string().min(1).max(MAX_TEXT) });

const getNodes = createRoute({
  method: "get",
  path: "/v1/clusters/{cluster}/nodes",
  summary: "The nodes of a cluster, by name",
  security: bearer,
  middleware: allow("read", "admin"),
  request: {
    params: ClusterPath,
    query: z.strictObject({
      retired: flag.optional().meta({ param: { description: "With the retired ones. Default false." } }),
      ...pageParameters,
    }),
  },
  responses: {
    200: json(z.object({ nodes: z.array(Node), next: Next }), "Nodes"),
    ...problems(401, 403, 404, 422, 503),
  },
});

const getNode = createRoute({
  method: "get",
  path: "/v1/clusters/{cluster}/nodes/{node}",
  summary: "One node and its boots",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { params: NodePath },
  responses: { 200: json(NodeWithBoots, "The node"), ...problems(401, 403, 404, 503) },
});

const postRetirement = createRoute({
  method: "post",
  path: "/v1/clusters/{cluster}/nodes/{node}/retire",
  summary: "Say that a node is gone on purpose",
  description: "Its history stays. It is back with the first window that begins afterwards.",
  security: bearer,
  middleware: allow("admin"),
  request: { params: NodePath },
  responses: { 204: { description: "Retired" }, ...problems(401, 403, 404, 503) },
});

export const nodes = router();

nodes.openapi(getNodes, async (c) => {
  const { db, now } = c.var.deps;
  const { id } = await readableCluster(db, c.var.caller, c.req.valid("param").cluster);
  const { retired, ...query } = c.req.valid("query");
  const page = pageQuery(query);
  const found = await nodesIn(db, id, { ...page, retired, now: now() });
  const { rows, ...next } = toPage(found, page, ({ name }) => name);
  return c.json({ nodes: rows.map(toNode), ...next }, 200);
});

const noSuchNode = () => new ProblemError("not-found", "There is no such node in this cluster.");

nodes.openapi(getNode, async (c) => {
  const { db, now } = c.var.deps;
  const { cluster, node } = c.req.valid("param");
  const { id } = await readableCluster(db, c.var.caller, cluster);
  const found = await nodeNamed(db, id, node, now());
  if (!found) throw noSuchNode();
  const { bootHistory, ...row } = found;
  const boots = bootHistory.map(({ bootId, firstSeenAt }) => ({
    bootId,
    firstSeenAt: toTimeOrNull(firstSeenAt),
  }));
  return c.json({ ...toNode(row), bootHistory: boots }, 200);
});

nodes.openapi(postRetirement, async (c) => {
  const { db, now } = c.var.deps;
  const { cluster, node } = c.req.valid("param");
  const { id } = await readableCluster(db, c.var.caller, cluster);
  if (!(await retireNode(db, id, node, now()))) throw noSuchNode();
  return c.body(null, 204);
});
