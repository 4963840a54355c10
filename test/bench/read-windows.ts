/**
 * Reads the table of this namespace some windows long, each packed as it would be sent, and prints what each took as
 * JSON: read-windows.ts SOURCE WINDOWS
 */
import { hostname } from "node:os";
import { type Config, loadConfig } from "../../agent/config.ts";
import { openNode } from "../../agent/open.ts";
import { pack } from "../../agent/push.ts";

export interface WindowCost {
  entries: number;
  userMs: number;
  systemMs: number;
  wallMs: number;
  rssMb: number;
  packedBytes: number;
}

const [source, count] = process.argv.slice(2);
const { config } = loadConfig(
  { ...process.env, CONNTRAIL_SOURCE: source, CONNTRAIL_CPU_BUDGET: "100%" },
  { hostname: hostname(), once: true },
) as { config: Config };
/** A clock on which each dump is due at once: its cost is measured, not what the budget makes of it. */
let now = Date.now();
const { reporter, close } = await openNode(
  config,
  {
    pid: process.pid,
    env: {},
    now: () => (now += 60_000),
    monotonic: () => performance.now(),
    random: Math.random,
    sleep: () => Promise.resolve(),
    usage: () => {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
    },
    log: () => {},
  },
  { dropped: () => [], waiting: () => 0, summary: {}, events: false },
);

const costs: WindowCost[] = [];
for (let window = 0; window < Number(count); window += 1) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await reporter.prepare(new AbortController().signal);
  const report = await reporter.report({ from: now - 30_000, to: now }, window);
  const { body } = await pack(report);
  const { user, system } = process.cpuUsage(cpu);
  costs.push({
    entries: report.dump?.entries ?? 0,
    userMs: user / 1000,
    systemMs: system / 1000,
    wallMs: performance.now() - started,
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    packedBytes: body.length,
  });
}
await close();
console.log(JSON.stringify(costs));
