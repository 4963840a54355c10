import type { Look, NodeWindow } from "../../../db/look.ts";
import { inForce } from "../../../api/alerts/in-force.ts";
import type { InForce } from "../../../api/alerts/in-force.ts";
import type { Change, Live } from "../../../api/alerts/engine.ts";
import { defineClusterRule, defineNodeRule } from "../../../api/detect/rule.ts";
import type { Judged, Policy, RuleSet, Subject } from "../../../api/detect/rule.ts";

export const S = 1000;
export const MIN = 60 * S;
export const POLICY: Policy = { need: { windows: 2, ms: MIN }, clearMs: 2 * MIN, cooldownMs: 0 };

export const threshold = (value: number, max = 1e9) => ({
  default: value,
  min: 0,
  max,
  unit: "entries",
  title: "",
});

export const nodeOf = ({ node }: { node: string }): Subject => ({ kind: "node", key: node, node });

/** Bad while the table holds so many entries; asks for nothing more. */
export const full = defineNodeRule<"warn" | "critical">({
  name: "full",
  revision: 3,
  title: "",
  unit: "entries",
  thresholds: { warn: threshold(100), critical: threshold(1000) },
  policy: POLICY,
  gate: ({ count = 0 }, { warn }) => (count >= warn ? { trend: true } : undefined),
  judge: ({ window }, { warn, critical }) => {
    const { count: value } = window;
    const subject = nodeOf(window);
    if (value === undefined) return [{ subject, finding: { verdict: "unknown" } }];
    if (value < warn) return [];
    return [
      { subject, finding: { verdict: "bad", severity: value >= critical ? "critical" : "warning", value } },
    ];
  },
});

/** Bad where packets drop: a rate, and one window is enough. */
export const rate = defineNodeRule<"warn">({
  name: "rate",
  revision: 1,
  title: "",
  unit: "packets/s",
  thresholds: { warn: threshold(10) },
  policy: { ...POLICY, need: { windows: 1, ms: 0 } },
  gate: ({ drop = 0 }, { warn }) => (drop >= warn ? { flows: { medianFrom: 50 }, ports: true } : undefined),
  needOf: { flows: {} },
  judge: ({ window }, { warn }) =>
    (window.drop ?? 0) >= warn
      ? [
          {
            subject: nodeOf(window),
            finding: { verdict: "bad", severity: "warning", value: window.drop ?? 0 },
          },
        ]
      : [],
});

/** Bad for each owner of flows, whatever it has. */
export const owners = defineNodeRule({
  name: "owners",
  revision: 1,
  title: "",
  unit: "entries",
  thresholds: {},
  policy: { ...POLICY, need: { windows: 1, ms: 0 } },
  gate: ({ snat }) => (snat ? { flows: { medianFrom: 20 } } : undefined),
  judge: ({ flows }) =>
    (flows?.parties ?? []).map(({ party, entries: value }): Judged => ({
      subject: { kind: "party", key: party.name, party },
      finding: { verdict: "bad", severity: value >= 1000 ? "critical" : "warning", value },
    })),
});

/** Bad where a cluster has fewer than so many nodes. */
export const few = defineClusterRule<"least">({
  name: "few",
  revision: 1,
  title: "",
  unit: "nodes",
  thresholds: { least: threshold(2) },
  policy: { ...POLICY, clearMs: 0 },
  judge: ({ nodes }, { least }) =>
    nodes.length < least
      ? [
          {
            subject: { kind: "cluster", key: "few" },
            finding: { verdict: "bad", severity: "warning", value: nodes.length },
          },
        ]
      : [],
});

export const TINY = [full, rate, owners, few];
export const UNSET: RuleSet = { version: 0, settings: {} };
export const tiny = (set: RuleSet = UNSET): InForce => inForce(TINY, set);

/** A window with nothing to say, and what it says. */
export const quiet = (some: Partial<NodeWindow> & { from: number }): NodeWindow => ({
  nodeId: 1,
  node: "node-1",
  to: some.from + 30 * S,
  receivedAt: some.from + 31 * S,
  count: 0,
  drop: 0,
  ...some,
});
export const lookAt = (window: NodeWindow, some: Partial<Look> = {}): Look => ({
  window,
  recent: [{ ...window, from: window.from - 30 * S, to: window.from }],
  ...some,
});

/** Keeps lives as the store would: as JSON. */
export function keep(lives: readonly Live[], changes: readonly Change[]): Live[] {
  const byKey = new Map(lives.map((live) => [`${live.rule} ${live.subject.key}`, live]));
  for (const { rule, subject, life } of changes) {
    const key = `${rule} ${subject.key}`;
    if (life) byKey.set(key, JSON.parse(JSON.stringify({ rule, subject, life })));
    else byKey.delete(key);
  }
  return [...byKey.values()];
}
