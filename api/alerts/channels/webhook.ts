import { createHmac } from "node:crypto";
import * as z from "zod";
import type { Alert } from "../alert.ts";
import type { Answer, Outcome, Provider, Rendering } from "../provider.ts";
import { plain, plainTitle } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { bytesOf } from "./cut.ts";
import { byStatus } from "./judged.ts";

/** What receivers must take at least (Standard Webhooks). */
const MAX_BODY = 20_000;
const PER_MINUTE = 120;
/** Bytes of a secret. */
const MIN_SECRET = 24;
const MAX_SECRET = 64;

const TYPES = {
  firing: "alert.opened",
  resolved: "alert.resolved",
  notice: "service.notice",
  test: "test",
} as const;

/** Any receiver, by Standard Webhooks: the same id at each try, signed with each of the secrets. */
export const webhook: Provider = {
  kind: "webhook",
  hosts: [],
  target: z.object({
    url: z.string(),
    secret: z
      .string({ error: "give a secret to sign with: echo whsec_$(openssl rand -base64 32)" })
      .refine(
        (text) => text.split(" ").every((secret) => secretBytes(secret) !== undefined),
        `a secret is whsec_ and ${MIN_SECRET} to ${MAX_SECRET} bytes in base64; several are separated by a space`,
      ),
  }),
  perMinute: PER_MINUTE,
  render: (alert, rendering) => {
    const body = bodyOf(alert, rendering);
    const timestamp = Math.floor(rendering.now / 1_000);
    const signed = `${rendering.deliveryId}.${timestamp}.${body}`;
    return {
      url: rendering.target.url,
      headers: {
        "content-type": "application/json",
        "user-agent": "Conntrail",
        "webhook-id": rendering.deliveryId,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": (rendering.target.secret ?? "")
          .split(" ")
          .map((secret) => `v1,${hmac(secret, signed)}`)
          .join(" "),
      },
      body,
    };
  },
  judge: (answer: Answer): Outcome => {
    if (answer.status >= 200 && answer.status < 300) return { result: "sent" };
    // A receiver that is being set up answers 401 to 404 for a while: only 410 says that it is to end.
    const outcome = byStatus(answer);
    if (outcome.result !== "never" || answer.status === 410) return outcome;
    return { ...outcome, disable: false };
  },
};

function secretBytes(secret: string): Uint8Array | undefined {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (base64 === undefined || base64.length % 4 !== 0) return undefined;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return bytes.length >= MIN_SECRET && bytes.length <= MAX_SECRET ? bytes : undefined;
}

const hmac = (secret: string, text: string): string =>
  createHmac("sha256", secretBytes(secret) ?? "")
    .update(text)
    .digest("base64");

/** Of too much, the last anomalies are left out: `counts` tells of all. */
function bodyOf(alert: Alert, { language, now }: Rendering): string {
  const message = messageOf(alert, language, now);
  const words = { title: plainTitle(message), text: plain(message) };
  const { text: _, repeat, ...data } = alert;
  const bodyWith = (shown: number) =>
    JSON.stringify({
      type: alert.kind === "firing" && repeat ? "alert.repeated" : TYPES[alert.kind],
      timestamp: new Date(now).toISOString(),
      data: { ...words, ...data, anomalies: data.anomalies.slice(0, shown) },
    });
  let shown = data.anomalies.length;
  let body = bodyWith(shown);
  while (bytesOf(body) > MAX_BODY && shown > 0) body = bodyWith((shown -= 1));
  return body;
}
