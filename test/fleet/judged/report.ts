import { SAMPLED } from "./judge.ts";
import { STATIC_RULES } from "./static.ts";
import type { SeedRun } from "./run.ts";
import type { Scored } from "./score.ts";
import {
  type Interval,
  isFalseCritical,
  leads,
  quantileOf,
  rateOf,
  type RuleSummary,
  type SeedScores,
  summaryOf,
} from "./summary.ts";

/** So many examples of each rule's false alarms and misses. */
const EXAMPLES = 6;

export type JudgedReport = {
  rules: RuleSummary[];
  others: RuleSummary[];
  /** Openings of all rules where nothing was wrong, of 1,000 node-days, by how severe they became. */
  warnings: Interval;
  criticals: Interval;
  leads: { rule: string; before: "held80" | "held95"; minutes: number[] }[];
  text: string;
};

export function reportOf(runs: readonly SeedRun[], rules: readonly string[]): JudgedReport {
  const ours = runs.map((run): SeedScores => seedOf(run, "ours"));
  const others = runs.map((run): SeedScores => seedOf(run, "public"));
  const publicRules = STATIC_RULES.map(({ rule }) => rule);
  const before = ["held80", "held95"] as const;
  const report = {
    rules: rules.map((rule) => summaryOf(rule, ours)),
    others: publicRules.map((rule) => summaryOf(rule, others)),
    warnings: rateOf(ours, (of) => of.verdict === "false" && !isFalseCritical(of)),
    criticals: rateOf(ours, isFalseCritical),
    leads: [
      ...before.map((at) => ({ rule: "time-to-full", before: at, minutes: leads(ours, "time-to-full", at) })),
      ...publicRules.flatMap((rule) =>
        before.map((at) => ({ rule, before: at, minutes: leads(others, rule, at) })),
      ),
    ],
  };
  return { ...report, text: textOf(report, runs) };
}

const seedOf = ({ size, nodeDays, ...run }: SeedRun, which: "ours" | "public"): SeedScores => ({
  seed: size.seed,
  scores: run[which],
  nodeDays,
  nodes: size.nodes,
});

function textOf(report: Omit<JudgedReport, "text">, runs: readonly SeedRun[]): string {
  const rows = [...report.rules, ...report.others].map(rowOf);
  const head = [
    "rule",
    "troubles",
    "found",
    "recall [95 %]",
    "precision",
    "false",
    "critical",
    "false/1000 node-days [95 %]",
    "delay p50/p90 min",
    "again",
    "secondary",
  ];
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  const nodeDays = runs.reduce((sum, of) => sum + of.nodeDays, 0);
  return [
    `seeds ${runs.map(({ size }) => size.seed).join(", ")}: ${Math.round(nodeDays)} node-days scored, windows of ${runs[0]?.size.windowS} s`,
    line(head),
    ...rows.map(line),
    `false alarms of all rules, of 1,000 node-days: warnings ${spanned(report.warnings)}, criticals ${spanned(report.criticals)}`,
    ...report.leads.map(
      ({ rule, before, minutes }) =>
        `lead of ${rule} before ${before.slice(4)} %: ${minutes.length} leaks, ${minutes.filter((of) => of > 0).length} told before, median ${fixed(quantileOf(minutes, 0.5))} min, p10 ${fixed(quantileOf(minutes, 0.1))} min`,
    ),
    ...costs(runs),
  ].join("\n");
}

const rowOf = (of: RuleSummary): string[] => [
  of.rule,
  String(of.attempts),
  String(of.found),
  of.recall ? spanned(of.recall) : "-",
  of.precision === undefined ? "-" : of.precision.toFixed(3),
  String(of.false),
  String(of.falseCritical),
  spanned(of.falseRate),
  of.delay ? `${fixed(of.delay.p50)} / ${fixed(of.delay.p90)}` : "-",
  String(of.again),
  String(of.secondary),
];

const spanned = ({ value, low, high }: Interval): string =>
  `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
const fixed = (value: number): string => (Number.isFinite(value) ? value.toFixed(1) : "none");

function costs(runs: readonly SeedRun[]): string[] {
  const sum = (of: (run: SeedRun) => number) => runs.reduce((whole, run) => whole + of(run), 0);
  const windows = sum(({ run }) => run.windows);
  const looks = sum(({ run }) => run.looks);
  const deep = sum(({ run }) => run.deepLooks);
  const views = sum(({ run }) => run.cost.views);
  return [
    `${windows} windows, ${looks} looked at closer (${((100 * looks) / windows).toFixed(2)} %), ${deep} closer still (${((100 * deep) / windows).toFixed(2)} %)`,
    `gates passed: ${passes(runs, windows)}`,
    `judging: gates ${(sum(({ run }) => run.cost.gatesUs) / windows).toFixed(2)} µs a window, then ${(sum(({ run }) => run.cost.judgingUs) / Math.max(1, looks)).toFixed(1)} µs a look; a view of ${runs[0]?.size.nodes} nodes ${(sum(({ run }) => run.cost.viewsUs) / Math.max(1, views)).toFixed(0)} µs`,
  ];
}

function passes(runs: readonly SeedRun[], windows: number): string {
  const all = new Map<string, number>();
  for (const { run } of runs)
    for (const [rule, count] of Object.entries(run.passes)) all.set(rule, (all.get(rule) ?? 0) + count);
  return [...all]
    .toSorted(([, a], [, b]) => b - a)
    .map(([rule, count]) => `${rule} ${((100 * SAMPLED * count) / windows).toFixed(2)} %`)
    .join(", ");
}

/** What nodes were about when a rule was wrong of them. */
function during(runs: readonly SeedRun[], rule: string): string[] {
  const all = new Map<string, number>();
  for (const { ours } of runs)
    for (const { opening, verdict, during } of ours.scored)
      if (verdict === "false" && opening.rule === rule)
        all.set(during ?? "", (all.get(during ?? "") ?? 0) + 1);
  if (all.size === 0) return [];
  const parts = [...all].toSorted(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`);
  return [`false ${rule} during: ${parts.join(", ")}`];
}

/** False alarms and misses, to be looked into: seed, node, time and what the window told. */
export function examplesOf(runs: readonly SeedRun[], rules: readonly string[]): string[] {
  return rules.flatMap((rule) => {
    const wrong = runs.flatMap(({ size, ours }) =>
      ours.scored
        .filter((of) => of.opening.rule === rule && of.verdict === "false")
        .map((of) => `false ${rule}: seed ${size.seed}, ${openingText(of)}`),
    );
    const missed = runs.flatMap(({ size, ours }) =>
      ours.attempts
        .filter((of) => of.rule === rule && of.openedAt === undefined)
        .map(({ truth }) => {
          const { seen } = truth;
          const did = `filled to ${(100 * seen.fill).toFixed(0)} %, ${seen.drops} dropped, ${seen.insertFailed} not inserted`;
          return `missed ${rule}: seed ${size.seed}, ${truth.node ?? "cluster"}, ${iso(truth.from)} to ${iso(truth.to)}, ${truth.kind} (${truth.said}), ${did}`;
        }),
    );
    return [...during(runs, rule), ...missed.slice(0, EXAMPLES), ...wrong.slice(0, EXAMPLES)];
  });
}

function openingText({ opening, during }: Scored): string {
  const { node, party, subject, at, severity, value, limit, baseline, score, cause, window } = opening;
  const about = during === undefined ? "" : ` during ${during}`;
  const said = Object.entries({ value, limit, baseline, score, cause }).filter(([, of]) => of !== undefined);
  return `${node ?? "cluster"} ${party ?? subject}, ${iso(at)}${about}, ${severity}, ${said.map(([name, of]) => `${name} ${typeof of === "number" ? Number(of.toPrecision(4)) : of}`).join(", ")}; ${window ?? ""}`;
}

const iso = (at: number): string => new Date(at).toISOString().slice(0, 16);
