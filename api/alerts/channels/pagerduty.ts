import { createHash } from "node:crypto";
import * as z from "zod";
import type { Alert } from "../alert.ts";
import type { Answer, Outcome, Provider, Rendering } from "../provider.ts";
import { plain, plainTitle } from "../text/lines.ts";
import { type Message, messageOf } from "../text/message.ts";
import { byStatus, objectIn } from "./judged.ts";

const EVENTS_API = "https://events.pagerduty.com/v2/enqueue";
const MAX_SUMMARY = 1_024;
const MAX_DEDUP_KEY = 255;
/** An event may have 512 kB; of these it takes some kilobytes. */
const MAX_DETAILS = 8_000;
/** Some 120 a minute and integration, of which other senders may take a part. */
const PER_MINUTE = 60;

/** PagerDuty, Events API v2: one incident for each time something goes wrong by a rule in a cluster. */
export const pagerduty: Provider = {
  kind: "pagerduty",
  hosts: ["events.pagerduty.com", "events.eu.pagerduty.com"],
  target: z.object({
    url: z.string().default(EVENTS_API),
    secret: z
      .string({ error: "give the integration key of an Events API v2 integration as secret" })
      .regex(/^[A-Za-z0-9]{32}$/, "an integration key has 32 letters and digits"),
  }),
  perMinute: PER_MINUTE,
  render: (alert, rendering) => ({
    url: rendering.target.url,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(eventOf(alert, rendering)),
  }),
  judge,
};

function eventOf(alert: Alert, { target, language, now, deliveryId }: Rendering): object {
  const message = messageOf(alert, language, now);
  const ofGroup = alert.kind === "firing" || alert.kind === "resolved";
  const dedup = ofGroup
    ? `conntrail/${alert.cluster}/${alert.rule}/${alert.episode}`
    : `conntrail/${deliveryId}`;
  const event = { routing_key: target.secret, dedup_key: short(dedup) };
  if (alert.kind === "resolved") return { ...event, event_action: "resolve" };
  return {
    ...event,
    event_action: "trigger",
    client: "Conntrail",
    ...(alert.url !== undefined && {
      client_url: alert.url,
      links: [{ href: alert.url, text: "Conntrail" }],
    }),
    payload: {
      summary: plainTitle(message, MAX_SUMMARY),
      source: alert.cluster === "" ? "conntrail" : alert.cluster,
      severity: ofGroup ? alert.severity : "info",
      component: alert.rule,
      group: alert.cluster,
      custom_details: detailsOf(alert, message),
    },
  };
}

function detailsOf({ counts, fleet }: Alert, message: Message): object {
  return { text: plain(message, MAX_DETAILS), open: counts.open, ...(fleet && { fleet }) };
}

/** A key that is too long is told by its hash. */
const short = (key: string): string =>
  key.length <= MAX_DEDUP_KEY ? key : `conntrail/${createHash("sha256").update(key).digest("hex")}`;

function judge(answer: Answer): Outcome {
  if (answer.status === 202 && objectIn(answer)?.["status"] === "success") return { result: "sent" };
  return byStatus(answer);
}
