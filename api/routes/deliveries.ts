import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { clusterByName } from "../../db/queries/clusters.ts";
import { DELIVERIES_KEPT_MS, DELIVERY_KINDS, DELIVERY_STATES } from "../../db/queries/deliveries.ts";
import { deliveryById, listDeliveries, replayDelivery } from "../../db/queries/delivery-list.ts";
import type { DeliveryRow } from "../../db/queries/delivery-list.ts";
import { allow } from "../access.ts";
import { bearer, ClusterName, json, problems, Time, toTime, toTimeOrNull } from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { whole } from "../parameters.ts";
import { ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import { resolveWindow, windowParameters } from "../window.ts";
import { IdPath } from "./channel-contract.ts";

const Id = whole(1, Number.MAX_SAFE_INTEGER - 1);

const Delivery = z
  .object({
    id: z.int(),
    channel: z.object({ id: z.int(), name: z.string() }),
    cluster: z
      .string()
      .nullable()
      .meta({ description: "Null: words of the service about itself, or a trial." }),
    rule: z.string().nullable(),
    kind: z.enum(DELIVERY_KINDS),
    severity: z.string(),
    counts: z.object({ opened: z.int(), resolved: z.int(), open: z.int() }),
    state: z.enum(DELIVERY_STATES).meta({ description: "dead: given up; it can be sent again." }),
    attempts: z.int(),
    createdAt: Time,
    dueAt: Time.nullable().meta({ description: "When it is tried (again); null once it is sent or dead." }),
    sentAt: Time.nullable(),
    status: z.int().nullable().meta({ description: "Of HTTP, of the last answer." }),
    error: z.string().nullable().meta({ description: "Why it was not taken." }),
  })
  .meta({ id: "Delivery" });

const WholeDelivery = z
  .object({
    ...Delivery.shape,
    alert: z.record(z.string(), z.unknown()).meta({ description: "What it says." }),
  })
  .meta({ id: "WholeDelivery" });

const toDelivery = (row: DeliveryRow) => ({
  id: row.id,
  channel: { id: row.channelId, name: row.channel },
  cluster: row.cluster,
  rule: row.rule,
  kind: row.kind,
  severity: row.severity,
  counts: JSON.parse(row.counts) as { opened: number; resolved: number; open: number },
  state: row.state,
  attempts: row.attempt,
  createdAt: toTime(row.createdAt),
  dueAt: row.state === "waiting" ? toTime(row.dueAt) : null,
  sentAt: toTimeOrNull(row.sentAt),
  status: row.status,
  error: row.error,
});

const getDeliveries = createRoute({
  method: "get",
  path: "/v1/deliveries",
  summary: "What was sent, waits or was given up, the latest first",
  security: bearer,
  middleware: allow("admin"),
  request: {
    query: z.strictObject({
      channel: Id.optional().meta({ param: { description: "Id of a channel." } }),
      state: z
        .enum(DELIVERY_STATES)
        .optional()
        .meta({ param: { description: "Only these." } }),
      cluster: ClusterName.optional().meta({ param: { description: "Messages about one cluster." } }),
      anomaly: Id.optional().meta({ param: { description: "Messages with news of one anomaly." } }),
      ...windowParameters,
      ...pageParameters,
    }),
  },
  responses: {
    200: json(z.object({ deliveries: z.array(Delivery), next: Next }), "Deliveries"),
    ...problems(401, 403, 404, 422, 503),
  },
});

const getDelivery = createRoute({
  method: "get",
  path: "/v1/deliveries/{id}",
  summary: "One delivery, with what it says",
  security: bearer,
  middleware: allow("admin"),
  request: { params: IdPath },
  responses: { 200: json(WholeDelivery, "The delivery"), ...problems(401, 403, 404, 503) },
});

const replay = createRoute({
  method: "post",
  path: "/v1/deliveries/{id}/replay",
  summary: "Send again what was given up",
  security: bearer,
  middleware: allow("admin"),
  request: { params: IdPath },
  responses: { 202: json(Delivery, "On its way"), ...problems(401, 403, 404, 409, 503, 507) },
});

export const deliveries = router();

deliveries.openapi(getDeliveries, async (c) => {
  const { db, now } = c.var.deps;
  const { channel, state, cluster, anomaly, cursor, limit, ...time } = c.req.valid("query");
  const page = pageQuery({ cursor, limit });
  const { from, to } = resolveWindow(withDefault(time), now() + 1);
  const clusterRow = cluster === undefined ? undefined : await clusterByName(db, cluster);
  if (cluster !== undefined && !clusterRow) throw new ProblemError("not-found", "There is no such cluster.");
  const rows = await listDeliveries(db, {
    channelId: channel,
    state,
    clusterId: clusterRow?.id,
    anomalyId: anomaly,
    from,
    to,
    before: page.after === undefined ? undefined : Number(page.after) || 0,
    limit: page.limit,
  });
  const { rows: shown, ...next } = toPage(rows, page, ({ id }) => String(id));
  return c.json({ deliveries: shown.map(toDelivery), ...next }, 200);
});

/** Without a time, all that is kept. */
const withDefault = <T extends { since?: number | undefined; from?: number | undefined }>(time: T): T =>
  time.since === undefined && time.from === undefined ? { ...time, since: DELIVERIES_KEPT_MS + 1 } : time;

deliveries.openapi(getDelivery, async (c) => {
  const row = await deliveryById(c.var.deps.db, c.req.valid("param").id);
  if (!row) throw unknown();
  return c.json({ ...toDelivery(row), alert: JSON.parse(row.alert) as Record<string, unknown> }, 200);
});

deliveries.openapi(replay, async (c) => {
  const { db, now, onNews } = c.var.deps;
  const { id } = c.req.valid("param");
  const row = await deliveryById(db, id);
  if (!row) throw unknown();
  if (row.kind === "test")
    throw new ProblemError(
      "changed",
      "A trial is not sent again: POST /v1/channels/{id}/test makes a new one.",
    );
  if (row.state !== "dead") throw new ProblemError("changed", "Only what is dead can be sent again.");
  if (!(await replayDelivery(db, id, now())))
    throw new ProblemError(
      "changed",
      "Its channel is switched off, or what it says was told since or is on its way: see GET /v1/deliveries.",
    );
  onNews?.();
  const again = await deliveryById(db, id);
  if (!again) throw unknown();
  return c.json(toDelivery(again), 202);
});

const unknown = () => new ProblemError("not-found", "There is no such delivery.");
