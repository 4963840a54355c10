import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Fleet } from "./fleet.ts";
import { inParallel, Poster } from "./post.ts";

const USAGE_ERROR = 2;
const FAILED = 1;
/** Posts under way at once: enough for some thousand a second. */
const WIDTH = 32;
/** Reports of a window come a little after its end, as those of agents do. */
const LATE_MS = 1_000;

const HELP = `Usage: node test/fleet/main.ts --url URL --token TOKEN [options]

Posts the reports of a simulated cluster to a service, until Ctrl-C.

  --url URL        address of the service
  --token TOKEN    ingest token of its cluster
  --nodes N        how many nodes (8)
  --pods N         Pods of each (40)
  --interval S     length of a window in seconds, 5 to 300 (30)
  --history M      begins so many minutes ago, and catches up (0)
  --windows N      ends after so many windows (0: never)
  --rate N         at most so many reports a second (500)
  --seed N         another fleet (7)
  -h, --help       this text`;

const NUMBERS = { nodes: 8, pods: 40, interval: 30, history: 0, windows: 0, rate: 500, seed: 7 };
type Options = typeof NUMBERS & { url: string; token: string };

process.exitCode = await main();

async function main(): Promise<number> {
  if (process.argv.some((argument) => argument === "--help" || argument === "-h")) {
    console.log(HELP);
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  try {
    await run(readOptions(), stopping.signal);
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof RangeError ? USAGE_ERROR : FAILED;
  }
}

/** Throws a RangeError that says what is wrong. */
function readOptions(): Options {
  const text = { type: "string" } as const;
  const names = [...Object.keys(NUMBERS), "url", "token"];
  try {
    const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, text])) });
    const { url, token } = values;
    if (typeof url !== "string" || typeof token !== "string") throw new Error("--url and --token are needed");
    const numbers = { ...NUMBERS };
    for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
      const value = values[name];
      if (value === undefined) continue;
      if (typeof value !== "string" || !/^\d{1,9}$/.test(value))
        throw new Error(`--${name} takes a whole number`);
      numbers[name] = Number(value);
    }
    if (numbers.interval < 5 || numbers.interval > 300)
      throw new Error("--interval is from 5 to 300 seconds");
    if (numbers.rate < 1 || numbers.nodes < 1) throw new Error("--rate and --nodes are at least 1");
    return { ...numbers, url, token };
  } catch (error) {
    throw new RangeError(`${(error as Error).message}. See --help.`, { cause: error });
  }
}

async function run(
  { url, token, nodes, pods, seed, rate, ...of }: Options,
  signal: AbortSignal,
): Promise<void> {
  const intervalMs = of.interval * 1_000;
  const wait = (ms: number) => setTimeout(Math.max(0, ms), undefined, { signal }).catch(() => {});
  const poster = new Poster(url, wait);
  const start = Math.floor((Date.now() - of.history * 60_000) / intervalMs) * intervalMs;
  const fleet = new Fleet({ seed, from: start, clusters: [{ name: "fleet", nodes, pods }] });
  console.log(`seed ${seed}, ${nodes} nodes of ${pods} Pods, windows of ${of.interval} s`);
  let dueAt = performance.now();
  for (let window = 0; !signal.aborted && (of.windows === 0 || window < of.windows); window += 1) {
    const from = start + window * intervalMs;
    await wait(from + intervalMs + LATE_MS - Date.now());
    if (signal.aborted) return;
    const reports = [...fleet.reports({ from, to: from + intervalMs, intervalMs })];
    dueAt = Math.max(dueAt, performance.now());
    await inParallel(reports, WIDTH, async ({ report }) => {
      dueAt += 1_000 / rate;
      await wait(dueAt - performance.now());
      if (!signal.aborted) await poster.post(report, token);
    });
    console.log(`${new Date(from).toISOString()}: ${reports.length} reports`);
  }
}
