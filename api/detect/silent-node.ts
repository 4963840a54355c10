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
/** What was silent for so long before anybody watched is gone, not news; what is open ends then. */
const GONE_MS = 24 * HOUR_MS;
/** Nodes that fell silent together are gone together: those of them that are not yet are let be for so long. */
const LEAVING_MS = HOUR_MS;
/** A node that was critical for so long was most likely taken away: from then on it is told again as a warning is. */
const LASTING_MS = 2 * HOUR_MS;
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
    const all = view.nodes.map((node) => silenceOf(node, view, limits));
    const expected = all.filter(isExpected);
    const together = fellTogether(expected);
    const shared = isCluster(together.length, expected.length, limits);
    const members = new Set(shared ? together.map(({ subject }) => subject.key) : []);
    const judged = all.flatMap((node): Judged[] => {
      const { subject } = node;
      const isKnown = lives.has(subject.key);
      if (isGone(node)) return isKnown ? [ended(node)] : [];
      if (isOnce(node) && !isKnown) return [];
      const finding = members.has(subject.key) ? UNKNOWN : judgedNode(node, limits);
      return finding.verdict === "bad" || isKnown ? [{ subject, finding }] : [];
    });
    const there = new Set(all.map(({ subject }) => subject.key));
    const left = known.filter(({ kind, key }) => kind === "node" && !there.has(key));
    return [
      ...judged,
      ...left.map((subject): Judged => ({ subject, finding: UNKNOWN, over: "retired" })),
      ...(shared
        ? judgedCluster(together, expected.length, limits)
        : lives.has(CLUSTER.key)
          ? [{ subject: CLUSTER, ...notShared(all, limits) }]
          : []),
    ];
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

const isGone = ({ silentMs }: Silence): boolean => silentMs >= GONE_MS;

const isSilent = ({ silentMs, warnMs }: Silence): boolean => silentMs >= warnMs;
/** It counts as silent, but for most of that nobody listened. */
const isUnheard = (node: Silence): boolean => isSilent(node) && node.heardMs < node.warnMs;

/** Of a node that was seen only once nobody expects that it reports. */
const isOnce = ({ view }: Silence): boolean => view.lastSeenAt <= view.firstSeenAt;

const isExpected = (node: Silence): boolean => !isOnce(node) && node.silentMs < GONE_MS + LEAVING_MS;

/** Who may only just be heard again is not given up yet. */
const ended = (node: Silence): Judged =>
  isUnheard(node)
    ? { subject: node.subject, finding: UNKNOWN }
    : { subject: node.subject, finding: UNKNOWN, over: "silent" };

function judgedNode({ silentMs, heardMs, warnMs, view }: Silence, limits: Thresholds<Name>): Finding {
  const critical = Math.max(limits.critical, warnMs);
  const measured = { value: silentMs, facts: { lastSeenAt: view.lastSeenAt } };
  if (silentMs < warnMs) return { verdict: "clear", limit: warnMs, ...measured };
  // Nobody listened.
  if (heardMs < warnMs) return UNKNOWN;
  return heardMs >= critical && heardMs < critical + LASTING_MS
    ? { verdict: "bad", severity: "critical", limit: critical, ...measured }
    : { verdict: "bad", severity: "warning", limit: warnMs, ...measured };
}

/** The most nodes that fell silent at about the same time, if one of them is silent for sure. */
function fellTogether(nodes: readonly Silence[]): Silence[] {
  const silent = nodes
    .filter(({ heardMs, warnMs }) => heardMs >= warnMs - NEARLY_MS)
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

/** Since when it has been silent, as far as anybody listened. */
const heardFrom = ({ view, silentMs, heardMs }: Silence): number => view.lastSeenAt + silentMs - heardMs;

function judgedCluster(silent: readonly Silence[], nodes: number, limits: Thresholds<Name>): Judged[] {
  // Its nodes are gone: of the rest of them nobody is told.
  if (silent.some(isGone)) return [{ subject: CLUSTER, finding: UNKNOWN, over: "silent" }];
  const longest = Math.max(0, ...silent.map(({ heardMs }) => heardMs));
  const lastSeenAt = Math.min(...silent.map(heardFrom));
  const facts = { silent: silent.length, nodes, lastSeenAt };
  const severity: Severity = longest >= limits.critical ? "critical" : "warning";
  const limit = severity === "critical" ? limits.critical : limits.warn;
  const cause = "ingest-or-network";
  return each([CLUSTER], { verdict: "bad", severity, value: longest, limit, cause, facts });
}

/** What becomes of a cluster of which too few nodes are silent together now. */
function notShared(all: readonly Silence[], limits: Thresholds<Name>): Omit<Judged, "subject"> {
  // After the service was away nobody knows who still reports.
  if (all.some(isUnheard)) return { finding: UNKNOWN };
  const gone = all.filter(isGone).length;
  if (gone === all.length || isCluster(gone, all.length, limits)) return { finding: UNKNOWN, over: "silent" };
  const facts = { silent: 0, nodes: all.length - gone };
  return { finding: { verdict: "clear", value: 0, facts } };
}
