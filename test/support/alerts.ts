import type { Alert, AlertedAnomaly } from "../../api/alerts/alert.ts";
import type { Answer, Outgoing } from "../../api/alerts/provider.ts";
import { AT } from "./looks.ts";

/** An anomaly of a Pod that floods; hostile names and other rules are given in `some`. */
export function anAnomaly(some: Partial<AlertedAnomaly> = {}): AlertedAnomaly {
  const party = {
    kind: "pod",
    namespace: "shop",
    name: "checkout-7c9d-x2lqp",
    workloadKind: "Deployment",
    workload: "checkout",
    address: "10.0.1.7",
  };
  return {
    id: 41,
    rule: "pod-flood",
    ruleVersion: "1.0",
    subject: { kind: "party", key: "node-1/shop/checkout-7c9d-x2lqp", node: "node-1", party },
    severity: "warning",
    state: "open",
    openedAt: AT,
    transition: "opened",
    finding: {
      value: 61_000,
      limit: 13_107,
      baseline: 2_100,
      score: 18.4,
      contributors: [{ party, value: 61_000, peer: "203.0.113.99", peerPort: 443, protocol: 6 }],
      facts: {},
    },
    peak: 61_000,
    ...some,
  };
}

/** News of one rule in cluster prod. */
export function anAlert(some: Partial<Alert> = {}): Alert {
  return {
    cluster: "prod",
    rule: "pod-flood",
    kind: "firing",
    severity: "warning",
    episode: 3,
    anomalies: [anAnomaly()],
    counts: { opened: 1, resolved: 0, open: 1 },
    repeat: false,
    url: "https://conntrail.example.com/v1/anomalies/41",
    ...some,
  };
}

/** Posts as the guarded sender does, but to wherever it is told. */
export async function posted({ url, headers, body }: Outgoing): Promise<Answer> {
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual" });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}
