import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { allow, readableCluster } from "../access.ts";
import { readJson } from "../body.ts";
import { WINDOW } from "../../db/tiers.ts";
import { bearer, body, bodyProblems, json, problems } from "../contract.ts";
import { MAX_INFLATED_BYTES, MAX_WIRE_BYTES, parseReport } from "../ingest.ts";
import { ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import { toStoredReport } from "../stored.ts";

const postReport = createRoute({
  method: "post",
  path: "/v1/reports",
  summary: "Store what an agent saw in one window",
  description: "The cluster is that of the token. Content-Encoding may be gzip or zstd.",
  security: bearer,
  middleware: allow("ingest"),
  request: { body: body("Report") },
  responses: {
    200: json(z.object({ duplicate: z.literal(true) }), "Stored before; nothing was changed"),
    202: json(z.object({ stored: z.literal(true) }), "Stored durably"),
    ...problems(401, 403, 404, 503, 507),
    ...bodyProblems,
  },
});

const LIMITS = { wireBytes: MAX_WIRE_BYTES, inflatedBytes: MAX_INFLATED_BYTES };

export const reports = router();
reports.openapi(postReport, async (c) => {
  const { deps, caller } = c.var;
  if (!caller.cluster) throw new ProblemError("forbidden", "This token belongs to no cluster.");
  const now = deps.now();
  const sent = await readJson(c.req.raw, { ...LIMITS, deadlineMs: deps.bodyDeadlineMs });
  const report = parseReport(sent, now, deps.retention?.[WINDOW]);
  const kept = toStoredReport(report, caller.cluster.id, now);
  const stored = await deps.storeReport(kept);
  if (stored === "stored") deps.onStored?.(kept, (work) => c.executionCtx.waitUntil(work));
  // Nothing is stored of a cluster that was deleted while the body came, and that must not pass for a receipt.
  if (stored === "duplicate") await readableCluster(deps.db, caller, caller.cluster.name);
  return stored === "stored"
    ? c.json({ stored: true } as const, 202)
    : c.json({ duplicate: true } as const, 200);
});
