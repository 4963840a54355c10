import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { clusterByName } from "../../db/queries/clusters.ts";
import { json, problems } from "../contract.ts";
import openapi from "../openapi.json" with { type: "json" };
import { router } from "../router.ts";

const Fine = z.object({ status: z.literal("ok") });

const healthz = createRoute({
  method: "get",
  path: "/healthz",
  summary: "Whether the process lives",
  responses: { 200: json(Fine, "It does") },
});

const readyz = createRoute({
  method: "get",
  path: "/readyz",
  summary: "Whether the database answers",
  responses: { 200: json(Fine, "It does"), ...problems(503) },
});

export const probes = router();
probes.openapi(healthz, (c) => c.json({ status: "ok" } as const, 200));
probes.openapi(readyz, async (c) => {
  // A name no cluster can have: the question needs the connection and the schema, and nothing else.
  await clusterByName(c.var.deps.db, "");
  return c.json({ status: "ok" } as const, 200);
});
probes.get("/openapi.json", (c) => c.json(openapi));
probes.get("/", (c) => c.json({ name: "conntrail", openapi: "/openapi.json" }));
