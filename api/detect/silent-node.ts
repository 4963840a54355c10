import { each } from "./answers.ts";
import { defineClusterRule } from "./rule.ts";
import type { ClusterView, Finding, Judged, NodeView, Severity, Subject, Thresholds } from "./rule.ts";
import { nodeSubject } from "./subject.ts";
import { HOUR_MS, MINUTE_MS } from "./window.ts";

const time = (value: number, title: string) => ({
  default: value,
  min: MINUTE_MS,
  max: 24 * HOUR_MS,
  unit: "ms",
  title,
});
const thresholds = {
  warn: time(3 * MINUTE_MS, "Silent for so long, and for three windows: warning"),
  critical: time(10 * MINUTE_MS, "Silent for so long: critical"),
  together: {
    default: 0.3,
    min: 0.05,
    max: 1,
    unit: "ratio",
    title:
      "More than this part of the nodes fell silent together: it is not the nodes, it is what they report through",
  },
};
type Name = keyof typeof thresholds;

const WINDOWS = 3;
/** What was silent for so long before anybody watched is gone, not news; what is open ends by then. */
const GONE_MS = 24 * HOUR_MS;
/** Nodes whose last reports came within this of one another fell silent together, but no less than two windows. */
const TOGETHER_MS = MINUTE_MS;
/** Who has missed all but this of the time that warns is counted with those who fell silent: the slowest are told of with the rest. */
const NEARLY_MS = MINUTE_MS;
/** Of fewer nodes a part means nothing; unless it is all of them. */
const LEAST_NODES = 4;

/** A node reports no more; where many fell silent at once, the cluster does. */
export const silentNode = defineClusterRule<Name>({
  name: "silent-node",
  revision: 1,
  title: "A node no longer reports",
  unit: "ms",
  thresholds,
  ascending: [["warn", "critical"]],
  policy: {
    // It was silent for its time already, and its first report says that it is not.
    need: { windows: 1, ms: 0 },
    clearMs: 0,
    cooldownMs: 10 * MINUTE_MS,
  },
  judge(view, limits, known) {
    const lives = new Map(known.map((subject) => [subject.key, subject]));
    const nodes = view.nodes
      .map((node) => silenceOf(node, view, limits))
      .filter((node) => !isOld(node, lives));
    const together = fellTogether(nodes);
    const shared = isCluster(together.length, nodes.length, limits);
    const members = new Set(shared ? together.map(({ subject }) => subject.key) : []);
    const judged = nodes.flatMap((node): Judged[] => {
      const { subject } = node;
      const finding = members.has(subject.key) ? UNKNOWN : judgedNode(node, limits);
      return finding.verdict === "bad" || lives.has(subject.key) ? [{ subject, finding }] : [];
    });
    return [...judged, ...judgedCluster(nodes, shared ? together : [], lives, limits)];
  },
});

const UNKNOWN: Finding = { verdict: "unknown" };
/** A node may be called cluster, but not so. */
const CLUSTER: Subject = { kind: "cluster", key: "__cluster__" };

type Silence = {
  subject: Subject;
  view: NodeView;
  /** Since its last report, and since then as far as anybody listened. */
  silentMs: number;
  heardMs: number;
  /** From when on it counts as silent. */
  warnMs: number;
  windowMs: number;
};

function silenceOf(view: NodeView, { at, watchedSince }: ClusterView, { warn }: Thresholds<Name>): Silence {
  const { lastSeenAt, window } = view;
  const windowMs = window.to - window.from;
  return {
    subject: nodeSubject(view),
    view,
    silentMs: Math.max(0, at - lastSeenAt),
    heardMs: Math.max(0, at - Math.max(lastSeenAt, watchedSince)),
    warnMs: Math.max(warn, WINDOWS * windowMs),
    windowMs,
  };
}

/** Long gone, or seen only once: nobody expects it to report. What is known stays until it ends. */
const isOld = ({ subject, view, silentMs }: Silence, lives: ReadonlyMap<string, Subject>): boolean =>
  !lives.has(subject.key) && (silentMs >= GONE_MS || view.lastSeenAt <= view.firstSeenAt);

function judgedNode({ silentMs, heardMs, warnMs, view }: Silence, { critical }: Thresholds<Name>): Finding {
  const measured = { value: silentMs, facts: { lastSeenAt: view.lastSeenAt } };
  if (silentMs < warnMs) return { verdict: "clear", limit: warnMs, ...measured };
  // Nobody listened, or nobody ever will again.
  if (heardMs < warnMs || silentMs >= GONE_MS) return UNKNOWN;
  return heardMs >= Math.max(critical, warnMs)
    ? { verdict: "bad", severity: "critical", limit: Math.max(critical, warnMs), ...measured }
    : { verdict: "bad", severity: "warning", limit: warnMs, ...measured };
}

/** The most nodes that fell silent at about the same time, if one of them is silent for sure. */
function fellTogether(nodes: readonly Silence[]): Silence[] {
  const silent = nodes
    .filter(({ heardMs, warnMs, silentMs }) => heardMs >= warnMs - NEARLY_MS && silentMs < GONE_MS)
    .toSorted((a, b) => a.view.lastSeenAt - b.view.lastSeenAt);
  let most: Silence[] = [];
  let first = 0;
  for (const [last, node] of silent.entries()) {
    const apartMs = Math.max(TOGETHER_MS, 2 * node.windowMs);
    while (node.view.lastSeenAt - (silent[first]?.view.lastSeenAt ?? 0) > apartMs) first += 1;
    if (last - first + 1 > most.length) most = silent.slice(first, last + 1);
  }
  return most.some(({ heardMs, warnMs }) => heardMs >= warnMs) ? most : [];
}

const isCluster = (silent: number, nodes: number, { together }: Thresholds<Name>): boolean =>
  nodes >= LEAST_NODES ? silent > together * nodes : nodes > 1 && silent === nodes;

function judgedCluster(
  nodes: readonly Silence[],
  silent: readonly Silence[],
  lives: ReadonlyMap<string, Subject>,
  limits: Thresholds<Name>,
): Judged[] {
  const longest = Math.max(0, ...silent.map(({ heardMs }) => heardMs));
  const facts = { silent: silent.length, nodes: nodes.length };
  if (silent.length === 0) {
    if (!lives.has(CLUSTER.key)) return [];
    // After the service was away nobody knows who still reports.
    const isUnknown = nodes.some(({ silentMs, heardMs, warnMs }) => silentMs >= warnMs && heardMs < warnMs);
    return each([CLUSTER], isUnknown ? UNKNOWN : { verdict: "clear", value: 0, facts });
  }
  const severity: Severity = longest >= limits.critical ? "critical" : "warning";
  const limit = severity === "critical" ? limits.critical : limits.warn;
  const cause = "ingest-or-network";
  return each([CLUSTER], { verdict: "bad", severity, value: longest, limit, cause, facts });
}
