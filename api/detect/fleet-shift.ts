import type { ClusterView, NodeView } from "../../db/look.ts";
import { baselineAt } from "./baseline.ts";
import { defineClusterRule } from "./rule.ts";
import type { Finding, Judged, Thresholds } from "./rule.ts";
import { scoresOf } from "./score.ts";
import type { Series } from "./series.ts";
import { binomialTail } from "./binomial.ts";
import { HOUR_MS, MINUTE_MS } from "./window.ts";

const SERIES: readonly Series[] = ["count", "opened", "halfOpen", "closeWait", "invalid", "insertFailed"];

const thresholds = {
  nodes: { default: 5, min: 2, max: 10_000, unit: "nodes", title: "So many nodes at once" },
  part: { default: 0.1, min: 0.01, max: 1, unit: "ratio", title: "Part of the cluster's nodes at once" },
  score: { default: 4, min: 0.5, max: 50, unit: "score", title: "Score of a node that counts" },
};
type Name = keyof typeof thresholds;

/** Nodes count together where they are unusual within so long of each other. */
const SHIFT_MS = 5 * MINUTE_MS;
/** A working day must not look like a shift to a baseline that knows but a weekend. */
const MIN_DAYS = 3;
/** So often a node is unusual at any moment without a cause … */
const BASE_RATE = 0.005;
/** … and so unlikely it must be that so many are so by chance. */
const MAX_CHANCE = 1e-6;
/** Below this part of the nodes it takes, all is well. */
const CLOSE_PART = 0.5;
const MAX_NAMES = 5;

/** Many nodes change in the same way at once, each perhaps too little for a rule of its own: a release, a dependency, an attack. */
export const fleetShift = defineClusterRule<Name>({
  name: "fleet-shift",
  revision: 1,
  title: "Many nodes changed at once",
  unit: "nodes",
  thresholds,
  policy: { need: { windows: 2, ms: 0 }, clearMs: 15 * MINUTE_MS, cooldownMs: HOUR_MS },
  judge(view, limits, known) {
    const isKnown = new Set(known.map(({ key }) => key));
    return SERIES.flatMap((series): Judged[] => {
      const finding = judged(series, view, limits);
      const isTold = finding.verdict === "bad" || isKnown.has(series);
      return isTold ? [{ subject: { kind: "cluster", key: series }, finding }] : [];
    });
  },
});

function judged(series: Series, view: ClusterView, limits: Thresholds<Name>): Finding {
  const scores = view.nodes.flatMap((node) => {
    const score = highest(series, node, view.at);
    return score === undefined ? [] : [{ node: node.node, score }];
  });
  if (scores.length === 0) return { verdict: "unknown" };
  const raised = scores.filter(({ score }) => score >= limits.score);
  const limit = Math.max(limits.nodes, limits.part * view.nodes.length);
  const measured = {
    value: raised.length,
    limit: Math.ceil(limit),
    cause: series,
    facts: { series, nodes: view.nodes.length, judged: scores.length, ...namesOf(raised) },
  };
  if (raised.length >= limit && binomialTail(scores.length, raised.length, BASE_RATE) < MAX_CHANCE)
    return { verdict: "bad", severity: "warning", ...measured };
  return { verdict: raised.length < CLOSE_PART * limit ? "clear" : "between", ...measured };
}

/** The highest score of the last five minutes; undefined where nothing came or nobody knows what is usual. */
function highest(series: Series, { window, recent, hours }: NodeView, at: number): number | undefined {
  if (window.to <= at - SHIFT_MS) return undefined;
  const baseline = baselineAt(series, hours, window.to);
  if (!baseline || baseline.days < MIN_DAYS) return undefined;
  const windows = [...recent, window];
  const scores = scoresOf(series, { window, recent }, baseline).flatMap((score, i) =>
    score && (windows[i]?.to ?? 0) > at - SHIFT_MS ? [score.score] : [],
  );
  return scores.length === 0 ? undefined : Math.max(...scores);
}

/** The most unusual first. */
function namesOf(raised: readonly { node: string; score: number }[]): Record<string, string> {
  const first = raised
    .toSorted((a, b) => b.score - a.score || (a.node < b.node ? -1 : 1))
    .slice(0, MAX_NAMES);
  return Object.fromEntries(first.map(({ node }, i) => [`node${i + 1}`, node]));
}
