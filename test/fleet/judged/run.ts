import { inForce } from "../../../api/alerts/in-force.ts";
import type { Rule } from "../../../api/detect/rule.ts";
import { benignAt } from "./benign.ts";
import { isPod } from "./detail.ts";
import { SimFleet } from "./fleet.ts";
import { Judge, type JudgedRun, type Opening } from "./judge.ts";
import type { FleetSize } from "./plan.ts";
import { type Scores, scoresOf } from "./score.ts";
import { STATIC_RULES, StaticRules } from "./static.ts";
import type { Truth } from "./truth.ts";

const DAY_MS = 86_400_000;

export type SeedRun = {
  size: FleetSize;
  ours: Scores;
  public: Scores;
  run: Omit<JudgedRun, "openings">;
  truths: Truth[];
  nodeDays: number;
  /** Seconds of the whole seed. */
  tookS: number;
};

/** Judges a whole fleet of one seed by rules as they come, and by the public ones. */
export function runSeed(size: FleetSize, rules: readonly Rule[]): SeedRun {
  const began = performance.now();
  const fleet = new SimFleet(size);
  const judge = new Judge(fleet, inForce(rules, { version: 0, settings: {} }));
  const others = new StaticRules();
  while (!fleet.isOver) {
    judge.step();
    for (const { latest } of fleet.nodes) if (latest && latest.to === fleet.at) others.judge(latest);
  }
  const { plan } = fleet;
  const { openings, ...run } = judge.run;
  const nodeAt = new Map(fleet.nodes.map((node) => [node.name, node]));
  const of = {
    from: plan.scoredFrom,
    during: ({ node, at }: Opening) => {
      const script = node === undefined ? undefined : nodeAt.get(node)?.script;
      return script ? benignAt(script, at) : "nothing";
    },
    isPod: (node: string, pod: number, name: string) => isPod(nodeAt.get(node)!, pod, name),
  };
  const ours = scoresOf(openings, plan.truths, { ...of, rules: rules.map(({ name }) => name) });
  return {
    size,
    ours,
    public: scoresOf(others.openings, plan.truths, {
      ...of,
      rules: STATIC_RULES.map(({ rule }) => rule),
      // What they are there for: tables that are nearly full, whatever fills them.
      rightOf: (truth) => (truth.seen.over80 > 0 ? STATIC_RULES.map(({ rule }) => rule) : []),
    }),
    run,
    truths: plan.truths,
    nodeDays: plan.traits.reduce(
      (sum, { joinsAt }) => sum + (plan.to - Math.max(plan.scoredFrom, joinsAt)) / DAY_MS,
      0,
    ),
    tookS: (performance.now() - began) / 1_000,
  };
}
