import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { nodeGauges } from "../../db/queries/gauges.ts";
import { allow, readableClusters } from "../access.ts";
import { bearer, problems } from "../contract.ts";
import { CONTENT_TYPE, exposition } from "../metrics/exposition.ts";
import { families } from "../metrics/families.ts";
import type { ClusterGauges } from "../metrics/families.ts";
import { filters } from "../parameters.ts";
import { invalid } from "../problem.ts";
import { router } from "../router.ts";

/** Long enough that an alert on the age of what was last seen fires and is read, short enough that clusters that grow and shrink leave no trail. */
const SEEN_LATELY_MS = 3_600_000;
/** Some 15 MB of text; more nodes than that are asked for by cluster. */
export const MAX_NODES = 10_000;

const getMetrics = createRoute({
  method: "get",
  path: "/metrics",
  summary: "The latest window of each node, for Prometheus",
  description:
    "Text exposition format 0.0.4. Gauges only, with labels `cluster` and `node`: of live and late nodes their latest window; of " +
    "silent ones, for an hour, when they were last seen; retired ones are left out. Counters come as rates of the latest " +
    "window; their sums over time are at /v1/series.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: z.strictObject({ cluster: filters.cluster }) },
  responses: {
    200: { description: "Gauges", content: { "text/plain": { schema: z.string() } } },
    ...problems(401, 403, 404, 422, 503),
  },
});

export const metrics = router().openapi(getMetrics, async (c) => {
  const { db, now } = c.var.deps;
  const at = now();
  const found: ClusterGauges[] = [];
  let room = MAX_NODES;
  for (const { id, name } of await readableClusters(db, c.var.caller, c.req.valid("query").cluster)) {
    const nodes = await nodeGauges(db, id, { since: at - SEEN_LATELY_MS, now: at, limit: room + 1 });
    room -= nodes.length;
    if (room < 0)
      throw invalid("The query is invalid.", [
        {
          path: ["cluster"],
          message: `there are more than ${MAX_NODES} nodes: ask for one cluster at a time`,
        },
      ]);
    found.push({ cluster: name, nodes });
  }
  return c.text(exposition(families(found, at)), 200, { "content-type": CONTENT_TYPE });
});
