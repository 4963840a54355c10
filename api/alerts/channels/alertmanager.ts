import * as z from "zod";
import type { Alert, AlertedAnomaly } from "../alert.ts";
import type { Answer, Outcome, Provider, Rendering, Target } from "../provider.ts";
import { plain, plainTitle } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { clean, cleanWords } from "./inert.ts";
import { byStatus, never } from "./judged.ts";

/** Alerts that are not sent again end by themselves: Prometheus, too, sends each minute what is to last for four. */
export const RESEND_MS = 60_000;
const LASTS_MS = 4 * RESEND_MS;
const PER_MINUTE = 120;
/** Alertmanager takes any; templates of chats cut at some thousand characters. */
const MAX_DESCRIPTION = 4_000;

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

/** The alert as it were if there were no other anomaly. */
function alone(alert: Alert, anomaly: AlertedAnomaly): Alert {
  const isOpen = anomaly.state === "open";
  return {
    ...alert,
    kind: isOpen ? "firing" : "resolved",
    severity: anomaly.severity,
    anomalies: [anomaly],
    counts: { opened: 0, resolved: isOpen ? 0 : 1, open: isOpen ? 1 : 0 },
    // Alertmanager tells when it is told again.
    repeat: false,
    fleet: undefined,
    url: anomaly.url ?? alert.url,
  };
}

function alertOf(alert: Alert, anomaly: AlertedAnomaly, { language, now }: Rendering): object {
  const { subject, severity, openedAt, resolvedAt, finding } = anomaly;
  const link = anomaly.url ?? alert.url;
  const message = messageOf(alone(alert, anomaly), language, now);
  return {
    /*
     * What changes while it is open makes it another alert. Severity does: routes are chosen by it. The alert of the former severity is
     * not sent again and ends by itself after LASTS_MS; when it resolves only that of the last severity is said to be over.
     */
    labels: known({
      alertname: `Conntrail_${alert.rule.replaceAll("-", "_")}`,
      cluster: alert.cluster,
      rule: alert.rule,
      severity,
      anomaly: String(anomaly.id),
      node: subject.node,
      namespace: subject.party?.namespace,
      workload: subject.party?.workload,
      pod: subject.party?.kind === "pod" ? subject.party.name : undefined,
      peer: subject.peer,
    }),
    annotations: {
      ...known({ summary: plainTitle(message), cause: finding.cause }),
      description: plain(message, MAX_DESCRIPTION).split("\n").map(cleanWords).join("\n"),
    },
    startsAt: instant(openedAt),
    endsAt: instant(resolvedAt ?? now + LASTS_MS),
    ...(link !== undefined && { generatorURL: link }),
  };
}

const instant = (at: number) => new Date(at).toISOString();

const known = (texts: Record<string, string | undefined>) =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, clean(text, Infinity)]],
    ),
  );
