import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { type ChatServer, isJson, jsonOf, startChat } from "./server.ts";

const PagerdutyEvent = z.discriminatedUnion("event_action", [
  z.strictObject({
    event_action: z.literal("trigger"),
    routing_key: z.string().length(32),
    dedup_key: z.string().min(1).max(255),
    client: z.string().optional(),
    client_url: z.url().optional(),
    links: z.array(z.strictObject({ href: z.url(), text: z.string() })).optional(),
    payload: z.strictObject({
      summary: z.string().min(1).max(1_024),
      source: z.string().min(1),
      severity: z.enum(["critical", "error", "warning", "info"]),
      component: z.string().optional(),
      group: z.string().optional(),
      custom_details: z.record(z.string(), z.unknown()).optional(),
    }),
  }),
  z.strictObject({
    event_action: z.literal("resolve"),
    routing_key: z.string().length(32),
    dedup_key: z.string().min(1).max(255),
  }),
]);
export type PagerdutyEvent = z.infer<typeof PagerdutyEvent>;

/** Events API v2 of PagerDuty at /v2/enqueue, for one integration. */
export const startPagerduty = (routingKey: string): Promise<ChatServer<PagerdutyEvent>> =>
  startChat(
    (asked) => {
      const event = PagerdutyEvent.safeParse(jsonOf(asked));
      const no = (message: string, errors: string[]) => ({
        said: { status: 400, body: JSON.stringify({ status: "invalid event", message, errors }) },
        why: errors.join("; "),
      });
      if (asked.path !== "/v2/enqueue" || !isJson(asked))
        return no("Event object is invalid", ["path or type"]);
      if (!event.success)
        return no(
          "Event object is invalid",
          event.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`),
        );
      if (event.data.routing_key !== routingKey) return no("Invalid routing key", ["routing_key"]);
      const said = { status: "success", message: "Event processed", dedup_key: event.data.dedup_key };
      return { said: { status: 202, body: JSON.stringify(said) }, accepted: event.data };
    },
    { maxBytes: 512 * 1_024 },
  );

const LabelSet = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string());
const PostableAlerts = z.array(
  z.strictObject({
    labels: LabelSet.refine((labels) => Object.values(labels).some((value) => value !== "")),
    annotations: LabelSet.optional(),
    startsAt: z.iso.datetime().optional(),
    endsAt: z.iso.datetime().optional(),
    generatorURL: z.string().optional(),
  }),
);
export type PostedAlert = z.infer<typeof PostableAlerts>[number];

/** API v2 of Alertmanager, behind a proxy that asks for `authorization` where it is set. */
export const startAlertmanager = (authorization?: string): Promise<ChatServer<PostedAlert[]>> =>
  startChat((asked) => {
    if (authorization !== undefined && asked.headers.authorization !== authorization)
      return { said: { status: 401, body: "" }, why: "authorization" };
    if (asked.method !== "POST" || asked.path !== "/api/v2/alerts")
      return { said: { status: 404, body: "404 page not found" }, why: asked.path };
    const alerts = PostableAlerts.safeParse(isJson(asked) ? JSON.parse(asked.body) : undefined);
    if (!alerts.success) return { said: { status: 400, body: '"bad request"' }, why: alerts.error.message };
    return { said: { status: 200, body: "" }, accepted: alerts.data };
  });

export type Hook = {
  id: string;
  timestamp: number;
  payload: { type: string; timestamp: string; data: Record<string, unknown> };
};

const TOLERANCE_S = 300;

/** A receiver that verifies as Standard Webhooks says, with one secret. */
export const startWebhook = (secret: string, now: () => number): Promise<ChatServer<Hook>> =>
  startChat(
    (asked) => {
      const no = (why: string) => ({ said: { status: 400, body: why }, why });
      const id = String(asked.headers["webhook-id"] ?? "");
      const timestamp = Number(asked.headers["webhook-timestamp"]);
      if (id === "" || !Number.isInteger(timestamp)) return no("headers");
      if (Math.abs(now() / 1_000 - timestamp) > TOLERANCE_S) return no("timestamp");
      const key = Buffer.from(secret.slice("whsec_".length), "base64");
      const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${asked.body}`).digest();
      const signatures = String(asked.headers["webhook-signature"] ?? "").split(" ");
      const isSigned = signatures.some((signature) => {
        const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
        return (
          signature.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected)
        );
      });
      if (!isSigned) return no("signature");
      const payload = jsonOf(asked) as Hook["payload"] | undefined;
      if (!payload || typeof payload.type !== "string" || typeof payload.data !== "object")
        return no("payload");
      return { said: { status: 204, body: "" }, accepted: { id, timestamp, payload } };
    },
    { maxBytes: 20_000 },
  );
