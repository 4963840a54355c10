import { benchAgent } from "./agent.ts";
import { benchAttribution } from "./attribution.ts";
import { benchBurst } from "./burst.ts";
import { benchIngest } from "./ingest.ts";
import type { Figure } from "./figure.ts";
import { benchJudge } from "./judge.ts";
import { benchReportSize } from "./report-size.ts";
import { benchScanner } from "./scanner.ts";
import { benchStore } from "./store.ts";
import { benchWindow } from "./window.ts";

/** `quick`: on a small scale, to see that it runs. */
const SUITES: Record<string, (options: { quick: boolean }) => Promise<Figure[]>> = {
  window: benchWindow,
  agent: benchAgent,
  burst: benchBurst,
  scanner: benchScanner,
  size: benchReportSize,
  ingest: benchIngest,
  store: benchStore,
  attribution: benchAttribution,
  judge: benchJudge,
};

const asked = process.argv.slice(2);
const [json, quick] = ["--json", "--quick"].map((flag) => asked.includes(flag));
const wanted = asked.filter((name) => name !== "--json" && name !== "--quick");
const unknown = wanted.filter((name) => !(name in SUITES));
if (unknown.length > 0) {
  console.error(`No such figures: ${unknown.join(", ")}. There are ${Object.keys(SUITES).join(", ")}.`);
  process.exit(2);
}

// What a suite has changed of this machine is put back on the way out.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const figures: Figure[] = [];
for (const name of wanted.length > 0 ? wanted : Object.keys(SUITES)) {
  console.error(`measuring ${name} …`);
  figures.push(...(await SUITES[name]!({ quick: quick === true })));
}
console.log(json ? JSON.stringify(figures, undefined, 2) : table(figures));

function table(figures: readonly Figure[]): string {
  const name = Math.max(...figures.map((figure) => figure.name.length));
  const value = Math.max(...figures.map((figure) => round(figure.value).length));
  const unit = Math.max(...figures.map((figure) => figure.unit.length));
  return figures
    .map((f) =>
      `${f.name.padEnd(name)}  ${round(f.value).padStart(value)} ${f.unit.padEnd(unit)}  ${f.bar ?? ""}`.trimEnd(),
    )
    .join("\n");
}

function round(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
