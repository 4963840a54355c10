import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { deleteCluster, insertCluster } from "../../db/queries/clusters.ts";
import type { Cluster as ClusterRow } from "../../db/queries/clusters.ts";
import { NO_STATUS, statusOf } from "../../db/queries/cluster-status.ts";
import type { ClusterStatus } from "../../db/queries/cluster-status.ts";
import { allow, readableCluster, readableClusters } from "../access.ts";
import { readSmallJson } from "../body.ts";
import {
  bearer,
  body,
  bodyProblems,
  ClusterName,
  ClusterPath,
  json,
  problems,
  Time,
  toTime,
  toTimeOrNull,
} from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";

export const Cluster = z
  .object({
    name: ClusterName,
    createdAt: Time,
    nodes: z.int().meta({ description: "Nodes that were ever seen and are not retired." }),
    reporting: z.int().meta({ description: "The most that reported in any of the last five minutes." }),
    lastSeenAt: Time.nullable().meta({
      description: "End of the last slot of time of which something is known, or now where that is not over.",
    }),
    utilisation: z
      .number()
      .nullable()
      .meta({ description: "count / max of the fullest table in the last five minutes." }),
  })
  .meta({ id: "Cluster" });
export const NewCluster = z.object({ name: ClusterName }).meta({ id: "NewCluster" });

const toCluster = ({ name, createdAt }: ClusterRow, status: ClusterStatus = NO_STATUS) => ({
  name,
  createdAt: toTime(createdAt),
  ...status,
  lastSeenAt: toTimeOrNull(status.lastSeenAt),
});

const createCluster = createRoute({
  method: "post",
  path: "/v1/clusters",
  summary: "Add a cluster",
  security: bearer,
  middleware: allow("admin"),
  request: { body: body("NewCluster") },
  responses: { 201: json(Cluster, "Added"), ...problems(401, 403, 409, 503, 507), ...bodyProblems },
});

const getClusters = createRoute({
  method: "get",
  path: "/v1/clusters",
  summary: "The clusters this token may read, by name",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: z.strictObject(pageParameters) },
  responses: {
    200: json(z.object({ clusters: z.array(Cluster), next: Next }), "Clusters"),
    ...problems(401, 403, 422, 503),
  },
});

const getCluster = createRoute({
  method: "get",
  path: "/v1/clusters/{cluster}",
  summary: "One cluster",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { params: ClusterPath },
  responses: { 200: json(Cluster, "The cluster"), ...problems(401, 403, 404, 503) },
});

const removeCluster = createRoute({
  method: "delete",
  path: "/v1/clusters/{cluster}",
  summary: "Forget a cluster, its tokens and all its data",
  security: bearer,
  middleware: allow("admin"),
  request: { params: ClusterPath },
  responses: { 204: { description: "Forgotten" }, ...problems(401, 403, 404, 503, 507) },
});

export const clusters = router();

clusters.openapi(createCluster, async (c) => {
  const { deps } = c.var;
  const parsed = NewCluster.safeParse(await readSmallJson(c.req.raw, c.var.deps.bodyDeadlineMs));
  if (!parsed.success) throw invalid("The cluster is invalid.", parsed.error.issues);
  const cluster = await insertCluster(deps.db, { name: parsed.data.name, createdAt: deps.now() });
  if (!cluster) throw new ProblemError("conflict", `There already is a cluster ${parsed.data.name}.`);
  return c.json(toCluster(cluster), 201);
});

clusters.openapi(getClusters, async (c) => {
  const page = pageQuery(c.req.valid("query"));
  const { db, now } = c.var.deps;
  const all = await readableClusters(db, c.var.caller, undefined);
  const from = all.filter(({ name }) => page.after === undefined || name > page.after);
  const { rows, ...next } = toPage(from.slice(0, page.limit), page, ({ name }) => name);
  const status = await statusOf(
    db,
    rows.map(({ id }) => id),
    now(),
  );
  return c.json({ clusters: rows.map((row) => toCluster(row, status.get(row.id))), ...next }, 200);
});

clusters.openapi(getCluster, async (c) => {
  const { db, now } = c.var.deps;
  const row = await readableCluster(db, c.var.caller, c.req.valid("param").cluster);
  const status = await statusOf(db, [row.id], now());
  return c.json(toCluster(row, status.get(row.id)), 200);
});

clusters.openapi(removeCluster, async (c) => {
  const { cluster } = c.req.valid("param");
  const { id } = await readableCluster(c.var.deps.db, c.var.caller, cluster);
  await deleteCluster(c.var.deps.db, id);
  return c.body(null, 204);
});
