import { RULES } from "../../api/detect/index.ts";
import { examplesOf, reportOf } from "../fleet/judged/report.ts";
import { runSeeds } from "../fleet/judged/seeds.ts";
import type { Figure } from "./figure.ts";

const SEEDS = [1, 2, 3, 4, 5];
/** `--quick`: to see that it runs. */
const QUICK = { nodes: 40, days: 12, quietDays: 9, troubles: 6 };
const WHOLE = { nodes: 200, days: 21, quietDays: 9 };

/** How many troubles of a simulated fleet the rules find, how soon, and how often they are wrong; beside the public rules. */
export async function benchJudge({ quick }: { quick: boolean }): Promise<Figure[]> {
  const sizes = (quick ? SEEDS.slice(0, 1) : SEEDS).map((seed) => ({
    ...(quick ? QUICK : WHOLE),
    seed,
    windowS: 60,
  }));
  const runs = await runSeeds(sizes, ({ size, tookS }) =>
    console.error(`seed ${size.seed}: ${tookS.toFixed(0)} s`),
  );
  const rules = RULES.map(({ name }) => name);
  const report = reportOf(runs, rules);
  console.error(report.text);
  for (const example of examplesOf(runs, rules)) console.error(example);
  const flood = report.rules.find(({ rule }) => rule === "pod-flood");
  const lead = report.leads[0]?.minutes.toSorted((a, b) => a - b) ?? [];
  return [
    { name: "floods found", value: 100 * (flood?.recall?.value ?? 0), unit: "%", bar: "≥ 98" },
    { name: "flood to opening, median", value: flood?.delay?.p50 ?? Number.NaN, unit: "min" },
    { name: "false warnings of 1,000 node-days", value: report.warnings.value, unit: "", bar: "≤ 5" },
    { name: "false criticals of 1,000 node-days", value: report.criticals.value, unit: "", bar: "≤ 1" },
    {
      name: "leaks told before the table is 80 % full, median",
      value: lead[Math.floor(lead.length / 2)] ?? Number.NaN,
      unit: "min",
      bar: "≥ 120",
    },
  ];
}
