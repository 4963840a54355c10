import * as z from "zod";
import type { Alert, AlertedAnomaly } from "../alert.ts";
import type { Answer, Outcome, Provider, Rendering, Target } from "../provider.ts";
import { plain, plainTitle } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { clean } from "./inert.ts";
import { byStatus, never } from "./judged.ts";

/** Alerts that are not sent again end by themselves: Prometheus, too, sends each minute what is to last for four. */
export const RESEND_MS = 60_000;
const LASTS_MS = 4 * RESEND_MS;
const PER_MINUTE = 120;

/** Prometheus Alertmanager, API v2: each open anomaly is an alert of its own, which Alertmanager groups and routes. */
export const alertmanager: Provider = {
  kind: "alertmanager",
  hosts: [],
  target: z.object({
    url: z.string(),
    username: z.string().min(1).optional(),
    secret: z.string().min(1).optional(),
  }),
  perMinute: PER_MINUTE,
  resendMs: RESEND_MS,
  render: (alert, rendering) => ({
    url: alertsUrl(rendering.target.url),
    headers: { "content-type": "application/json", ...authorization(rendering.target) },
    body: JSON.stringify(alertsOf(alert, rendering)),
  }),
  judge: (answer: Answer): Outcome => (answer.status === 200 ? { result: "sent" } : judge(answer)),
};

/** An Alertmanager has no tokens in its address. */
const judge = (answer: Answer): Outcome =>
  answer.status === 401 || answer.status === 403
    ? never(`answered ${answer.status}: username or secret is wrong; PATCH the channel`, true)
    : byStatus(answer);

/** The address of an Alertmanager will do. */
function alertsUrl(text: string): string {
  const url = new URL(text);
  if (!url.pathname.endsWith("/api/v2/alerts"))
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v2/alerts`;
  return url.href;
}

/** With a user Basic, without one Bearer. */
function authorization({ username, secret }: Target): { authorization?: string } {
  if (secret === undefined) return {};
  if (username === undefined) return { authorization: `Bearer ${secret}` };
  const bytes = new TextEncoder().encode(`${username}:${secret}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

function alertsOf(alert: Alert, rendering: Rendering): object[] {
  if (alert.kind === "firing" || alert.kind === "resolved")
    return alert.anomalies.map((anomaly) => alertOf(alert, anomaly, rendering));
  const message = messageOf(alert, rendering.language, rendering.now);
  return [
    {
      labels: {
        alertname: alert.kind === "test" ? "ConntrailTest" : "ConntrailNotice",
        severity: alert.severity,
      },
      annotations: { summary: plainTitle(message), description: plain(message) },
      startsAt: instant(rendering.now),
      endsAt: instant(rendering.now + LASTS_MS),
    },
  ];
}

function alertOf(alert: Alert, anomaly: AlertedAnomaly, { language, now }: Rendering): object {
  const { subject, severity, openedAt, resolvedAt, finding } = anomaly;
  const message = messageOf({ ...alert, anomalies: [anomaly] }, language, now);
  return {
    // What changes while it is open would make it another alert.
    labels: known({
      alertname: `Conntrail_${alert.rule.replaceAll("-", "_")}`,
      cluster: alert.cluster,
      rule: alert.rule,
      anomaly: String(anomaly.id),
      node: subject.node,
      namespace: subject.party?.namespace,
      workload: subject.party?.workload,
      pod: subject.party?.kind === "pod" ? subject.party.name : undefined,
      peer: subject.peer,
    }),
    annotations: known({
      summary: plainTitle(message),
      description: plain(message),
      severity,
      cause: finding.cause,
    }),
    startsAt: instant(openedAt),
    endsAt: instant(resolvedAt ?? now + LASTS_MS),
    ...(alert.url !== undefined && { generatorURL: alert.url }),
  };
}

const instant = (at: number) => new Date(at).toISOString();

const known = (texts: Record<string, string | undefined>) =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, clean(text, Infinity)]],
    ),
  );
