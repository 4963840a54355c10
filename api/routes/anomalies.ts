import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import {
  acknowledge,
  anomalyById,
  deliveriesOf,
  eventsOf,
  listAnomalies,
} from "../../db/queries/anomaly-list.ts";
import type { KeptAnomaly } from "../../db/queries/anomaly-list.ts";
import { allow, readableClusters } from "../access.ts";
import {
  Anomaly,
  anomalyAnswer,
  AnomalyWithHistory,
  deliveryAnswer,
  eventAnswer,
  Severity,
} from "../anomalies.ts";
import { RuleName } from "../alerts/known-rules.ts";
import { readSmallJson } from "../body.ts";
import { bearer, body, bodyProblems, json, problems } from "../contract.ts";
import { MAX_KEY } from "../detect/rule.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { filters, ownerFilters } from "../parameters.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import type { Caller, Deps } from "../router.ts";
import { resolveWindow, windowParameters } from "../window.ts";

/** Longer histories are of what flaps: the first of it tell enough. */
const MAX_EVENTS = 500;
const MAX_DELIVERIES = 100;
const MAX_NAME = 100;
const MAX_NOTE = 500;

const AnomalyQuery = z.strictObject({
  state: z
    .enum(["open", "resolved", "all"])
    .optional()
    .meta({ param: { description: "Default open." } }),
  rule: RuleName.optional().meta({ param: { description: "One rule.", example: "pod-flood" } }),
  severity: Severity.optional().meta({ param: { description: "As it is now, or was when it ended." } }),
  subject: z
    .string()
    .max(MAX_KEY)
    .optional()
    .meta({ param: { description: "Key of the subject." } }),
  ...filters,
  ...ownerFilters,
  ...windowParameters,
  since: windowParameters.since.meta({
    param: {
      description: "Those that lasted at some time since: 90s, 15m, 1h, 7d. Default: whenever.",
      example: "1d",
    },
  }),
  ...pageParameters,
});

const getAnomalies = createRoute({
  method: "get",
  path: "/v1/anomalies",
  summary: "What is wrong, or was, the latest first",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: AnomalyQuery },
  responses: {
    200: json(z.object({ anomalies: z.array(Anomaly), next: Next }), "Anomalies"),
    ...problems(401, 403, 404, 422, 503),
  },
});

const Path = z.object({ id: z.string().regex(/^[1-9]\d{0,14}$/) });

const getAnomaly = createRoute({
  method: "get",
  path: "/v1/anomalies/{id}",
  summary: "One anomaly, all that happened to it, and who was told",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { params: Path },
  responses: { 200: json(AnomalyWithHistory, "The anomaly"), ...problems(401, 403, 404, 503) },
});

export const Acknowledgement = z
  .object({
    by: z.string().min(1).max(MAX_NAME).optional(),
    note: z.string().max(MAX_NOTE).optional(),
  })
  .meta({ id: "Acknowledgement" });

const postAcknowledge = createRoute({
  method: "post",
  path: "/v1/anomalies/{id}/acknowledge",
  summary: "Say that somebody is at it: it is not told again while it goes on",
  description:
    "A token that reads will do: whoever is on call has one, and it keeps nothing from others that is new. That it gets worse, or is over, " +
    "is told all the same.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { params: Path, body: body("Acknowledgement") },
  responses: {
    200: json(Anomaly, "Acknowledged"),
    ...problems(401, 403, 404, 409, 503, 507),
    ...bodyProblems,
  },
});

export const anomalies = router();

anomalies.openapi(getAnomalies, async (c) => {
  const { db, now } = c.var.deps;
  const { cluster, state = "open", since, from, to, cursor, limit, ...names } = c.req.valid("query");
  const clusters = await readableClusters(db, c.var.caller, cluster);
  const isTimed = since !== undefined || from !== undefined || to !== undefined;
  const window = isTimed ? resolveWindow({ since, from, to }, now()) : {};
  const page = pageQuery({ cursor, limit });
  const rows = await listAnomalies(db, {
    ...names,
    ...window,
    clusterIds: clusters.map(({ id }) => id),
    state,
    after: page.after === undefined ? undefined : placeOf(page.after),
    limit: page.limit,
  });
  const { rows: shown, ...next } = toPage(rows, page, ({ openedAt, id }) => `${openedAt} ${id}`);
  return c.json({ anomalies: shown.map((row) => anomalyAnswer(row, now())), ...next }, 200);
});

anomalies.openapi(getAnomaly, async (c) => {
  const { deps, caller } = c.var;
  const anomaly = await readableAnomaly(deps, caller, c.req.valid("param").id);
  const events = await eventsOf(deps.db, anomaly.id, MAX_EVENTS);
  const deliveries = await deliveriesOf(deps.db, anomaly, MAX_DELIVERIES);
  return c.json(
    {
      ...anomalyAnswer(anomaly, deps.now()),
      events: events.map(eventAnswer),
      deliveries: deliveries.map((delivery) => deliveryAnswer(delivery, caller.scope === "admin")),
    },
    200,
  );
});

anomalies.openapi(postAcknowledge, async (c) => {
  const { deps, caller } = c.var;
  const { id } = await readableAnomaly(deps, caller, c.req.valid("param").id);
  const said = Acknowledgement.safeParse(await readSmallJson(c.req.raw, deps.bodyDeadlineMs));
  if (!said.success) throw invalid("The acknowledgement is invalid.", said.error.issues);
  const { by = null, note = null } = said.data;
  const noted = await acknowledge(deps.db, id, { at: deps.now(), by, note });
  if (!noted) throw new ProblemError("changed", "It is over: there is nothing left to acknowledge.");
  return c.json(anomalyAnswer(await readableAnomaly(deps, caller, String(id)), deps.now()), 200);
});

/** Whoever may not read its cluster is told what is told of one that is not there. */
async function readableAnomaly({ db }: Deps, caller: Caller, id: string): Promise<KeptAnomaly> {
  const anomaly = await anomalyById(db, Number(id));
  if (!anomaly || (caller.cluster && caller.cluster.id !== anomaly.clusterId))
    throw new ProblemError("not-found", "There is no such anomaly.");
  return anomaly;
}

function placeOf(cursor: string): { openedAt: number; id: number } {
  const [, openedAt, id] = /^(\d{1,15}) (\d{1,15})$/.exec(cursor) ?? [];
  if (openedAt === undefined || id === undefined)
    throw invalid("The query is invalid.", [{ path: ["cursor"], message: "not a cursor of this list" }]);
  return { openedAt: Number(openedAt), id: Number(id) };
}
