import type { ClusterView, NodeView, Slot } from "../../db/look.ts";
import { baselineOf, daysBefore } from "./baseline.ts";
import type { Baseline } from "./baseline.ts";
import { defineClusterRule } from "./rule.ts";
import type { Finding, Judged, Thresholds } from "./rule.ts";
import { scoresOf } from "./score.ts";
import { leastDeviation, measure, measureSlot, scaled } from "./series.ts";
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
/** Who was so in the hour before too has not changed now. */
const HOUR_BEFORE_MS = 2 * HOUR_MS + 5 * MINUTE_MS;
/** A working day must not look like a shift to a baseline that knows but a weekend. */
const MIN_DAYS = 3;
/** So often a node is unusual at any moment without a cause: a burst of ten minutes or so a day … */
const BASE_RATE = 0.01;
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
    const heard = view.nodes
      .filter(({ window }) => window.to > view.at - SHIFT_MS)
      .map((node): Heard => ({ node, days: daysBefore(node.hours, node.window.to) }));
    return SERIES.flatMap((series): Judged[] => {
      const finding = judged(series, heard, { view, limits });
      const isTold = finding.verdict === "bad" || isKnown.has(series);
      return isTold ? [{ subject: { kind: "cluster", key: series }, finding }] : [];
    });
  },
});

type Heard = { node: NodeView; days: ReturnType<typeof daysBefore> };
type Held = { view: ClusterView; limits: Thresholds<Name> };

function judged(series: Series, heard: readonly Heard[], { view, limits }: Held): Finding {
  const scores = heard.flatMap(({ node, days }) => {
    const score = highest(series, { node, days }, { view, limits });
    return score === undefined ? [] : [{ name: node.node, score }];
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

/** The highest score of the last five minutes; undefined where nobody knows what is usual. */
function highest(series: Series, { node, days }: Heard, { view: { at }, limits }: Held): number | undefined {
  const windows = [...node.recent, node.window];
  const values = windows.flatMap((window) => measure(series, window) ?? []);
  // Most have so little that it is not unusual anywhere: no need to know what is usual here.
  const least = limits.score * leastDeviation(series, 0);
  if (values.length > 0 && scaled(series, Math.max(...values)) < least) return 0;
  const baseline = baselineOf(series, days);
  if (!baseline || baseline.days < MIN_DAYS) return undefined;
  if (wasRaised(series, node, { baseline, limits })) return 0;
  const scores = scoresOf(series, node, baseline).flatMap((score, i) =>
    score && (windows[i]?.to ?? 0) > at - SHIFT_MS ? [score.score] : [],
  );
  return scores.length === 0 ? undefined : Math.max(...scores);
}

/** Whether its latest whole hour was as unusual. It may have been the one before the last: hours are folded a while after their end. */
function wasRaised(
  series: Series,
  { hours, window }: NodeView,
  { baseline, limits }: { baseline: Baseline; limits: Held["limits"] },
): boolean {
  const last = hours
    .filter(({ start, end }) => start > window.to - HOUR_BEFORE_MS && end <= window.to)
    .reduce(
      (latest: Slot | undefined, slot) => (latest && latest.start > slot.start ? latest : slot),
      undefined,
    );
  const level = last && measureSlot(series, last);
  if (!level) return false;
  const z = (scaled(series, level.mean) - scaled(series, baseline.mean)) / baseline.deviation;
  return z >= limits.score / 2;
}

/** The most unusual first. */
function namesOf(raised: readonly { name: string; score: number }[]): Record<string, string> {
  const first = raised
    .toSorted((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_NAMES);
  return Object.fromEntries(first.map(({ name }, i) => [`node${i + 1}`, name]));
}
