/**
 * Reads the table of this namespace some windows long, each packed as it would be sent, and prints what each took as
 * JSON: read-windows.ts SOURCE WINDOWS
 */
import { readGauges } from "../../agent/host/gauges.ts";
import { readIdentity } from "../../agent/host/identity.ts";
import { pack } from "../../agent/push.ts";
import { readReport } from "../../agent/read.ts";
import { openSource } from "../../agent/sources/index.ts";
import { Summary } from "../../agent/summary/summary.ts";

export interface WindowCost {
  entries: number;
  userMs: number;
  systemMs: number;
  wallMs: number;
  rssMb: number;
  packedBytes: number;
}

const [name, count] = process.argv.slice(2);
const { source, reasons } = await openSource(name === "procfs" ? "procfs" : "netlink");
if (!source) throw new Error(reasons.map(({ message }) => message).join("; "));
const reader = {
  source,
  reasons: [],
  identity: () => readIdentity("bench"),
  gauges: () => readGauges(),
  now: Date.now,
  summary: new Summary(),
};

const costs: WindowCost[] = [];
for (let window = 0; window < Number(count); window += 1) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const report = await readReport(reader, { from: 0, to: 1 }, window, new AbortController().signal);
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
source.close();
console.log(JSON.stringify(costs));
