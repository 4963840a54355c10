import { Noise } from "./noise.ts";
import type { Attempt, Scored, Scores } from "./score.ts";

/** A value and the interval in which 95 % of resampled ones lie. */
export type Interval = { value: number; low: number; high: number };

export type RuleSummary = {
  rule: string;
  attempts: number;
  found: number;
  /** Parts of 1. */
  recall: Interval | undefined;
  precision: number | undefined;
  again: number;
  secondary: number;
  false: number;
  falseCritical: number;
  /** Of 1,000 node-days. */
  falseRate: Interval;
  /** Minutes since the trouble showed. */
  delay: { p50: number; p90: number } | undefined;
};

/** One seed's scores, with how many node-days were scored. */
export type SeedScores = { seed: number; scores: Scores; nodeDays: number; nodes: number };

const RESAMPLES = 1_000;

/** What one rule did in all seeds. */
export function summaryOf(rule: string, seeds: readonly SeedScores[]): RuleSummary {
  const attempts = seeds.flatMap(({ scores }) => scores.attempts.filter((of) => of.rule === rule));
  const scored = seeds.flatMap(({ scores }) => scores.scored.filter(({ opening }) => opening.rule === rule));
  const count = (verdict: Scored["verdict"]) => scored.filter((of) => of.verdict === verdict).length;
  const [found, wrong] = [count("found"), count("false")];
  const delays = attempts.flatMap(({ delayMs }) => (delayMs === undefined ? [] : [delayMs / 60_000]));
  return {
    rule,
    attempts: attempts.length,
    found,
    recall: attempts.length > 0 ? recallOf(attempts) : undefined,
    precision: found + wrong > 0 ? found / (found + wrong) : undefined,
    again: count("again"),
    secondary: count("secondary"),
    false: wrong,
    falseCritical: scored.filter(isFalseCritical).length,
    falseRate: rateOf(seeds, (of) => of.verdict === "false" && of.opening.rule === rule),
    delay: delays.length > 0 ? { p50: quantileOf(delays, 0.5), p90: quantileOf(delays, 0.9) } : undefined,
  };
}

export const isFalseCritical = ({ verdict, opening }: Scored): boolean =>
  verdict === "false" && (opening.severity === "critical" || opening.criticalAt !== undefined);

/** Of 1,000 node-days; intervals by drawing nodes anew. */
export function rateOf(seeds: readonly SeedScores[], counts: (of: Scored) => boolean): Interval {
  const perNode: number[] = [];
  let nodeDays = 0;
  for (const { scores, nodes, nodeDays: days } of seeds) {
    const own = new Map<string, number>();
    for (const of of scores.scored)
      if (counts(of)) own.set(of.opening.node ?? "", (own.get(of.opening.node ?? "") ?? 0) + 1);
    const values = [...own.values()];
    for (let node = 0; node < Math.max(nodes, values.length); node += 1) perNode.push(values[node] ?? 0);
    nodeDays += days;
  }
  const per = 1_000 / Math.max(1, nodeDays);
  return intervalOf(perNode, (sum) => sum * per);
}

/** Troubles of one node stand or fall together: nodes are drawn anew, with all of theirs. */
function recallOf(attempts: readonly Attempt[]): Interval {
  const byNode = Map.groupBy(attempts, ({ truth }) => `${truth.node ?? ""} ${truth.from}`);
  const parts = [...byNode.values()].map(
    (of) => of.filter(({ openedAt }) => openedAt !== undefined).length / of.length,
  );
  return intervalOf(parts, (sum) => sum / parts.length);
}

function intervalOf(parts: readonly number[], of: (sum: number) => number): Interval {
  const noise = new Noise(1);
  const sums = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let draw = 0; draw < parts.length; draw += 1) sum += noise.pick(parts);
    return of(sum);
  });
  return {
    value: of(parts.reduce((sum, part) => sum + part, 0)),
    low: quantileOf(sums, 0.025),
    high: quantileOf(sums, 0.975),
  };
}

export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** How long before a leak had filled the table so far it was told, in minutes; missed ones stand as minus infinity. */
export function leads(seeds: readonly SeedScores[], rule: string, before: "held80" | "held95"): number[] {
  return seeds.flatMap(({ scores }) =>
    scores.attempts.flatMap(({ rule: of, truth, openedAt }) => {
      const full = truth.seen[before];
      if (of !== rule || truth.kind !== "leak" || full === undefined) return [];
      return [openedAt === undefined ? Number.NEGATIVE_INFINITY : (full - openedAt) / 60_000];
    }),
  );
}
