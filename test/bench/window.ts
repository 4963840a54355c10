import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, median } from "./figure.ts";
import type { WindowCost } from "./read-windows.ts";
import { runningAgentMemory } from "./running-agent.ts";

const HERE = import.meta.dirname;
const ENTRIES = 262_144;
const SPARE = 64;
const WINDOWS = 7;
const NAMESPACE = `conntrail-bench-${process.pid}`;

/** What a person runs today to see who fills the table. */
const PIPELINE =
  "conntrack -L -o extended 2>/dev/null | awk '{print $7}' | cut -d= -f2 | sort | uniq -c | sort -rn";

/** CPU and memory of one full window over 262,144 live entries, beside the usual tools, in one namespace. */
export async function benchWindow(): Promise<Figure[]> {
  if (process.getuid?.() !== 0) throw new Error("needs root: it fills a table in a namespace of its own");
  run("ip", ["netns", "add", NAMESPACE]);
  process.env["NODE_COMPILE_CACHE"] = mkdtempSync(join(tmpdir(), "conntrail-compiled-"));
  try {
    run("ip", ["-n", NAMESPACE, "link", "set", "lo", "up"]);
    // A few entries less than the limit: the running agent needs one for its own connection.
    inside(process.execPath, [join(HERE, "fill-table.ts"), String(ENTRIES - SPARE)]);
    const figures = measured();
    const { rssMb, peakMb } = await runningAgentMemory(NAMESPACE);
    return [
      ...figures,
      { name: "agent as it runs, resident after four reports", value: rssMb, unit: "MB", bar: "≤ 90" },
      { name: "agent as it runs, resident at most", value: peakMb, unit: "MB" },
    ];
  } finally {
    run("ip", ["netns", "del", NAMESPACE]);
    rmSync(process.env["NODE_COMPILE_CACHE"], { recursive: true });
  }
}

function measured(): Figure[] {
  const conntrack = median(repeat(() => shellCpuMs("conntrack -L -o extended >/dev/null 2>&1")));
  const cat = median(repeat(() => shellCpuMs("cat /proc/net/nf_conntrack >/dev/null")));
  const pipeline = median(repeat(() => shellCpuMs(`${PIPELINE} >/dev/null`)));
  const netlink = windows("netlink");
  const procfs = windows("procfs");
  const ratio = (name: string, part: number, whole: number, bar?: string): Figure => ({
    name,
    value: part / whole,
    unit: "×",
    ...(bar && { bar }),
  });
  return [
    { name: "entries in the table", value: netlink.entries, unit: "entries" },
    { name: "conntrack -L -o extended >/dev/null, CPU", value: conntrack, unit: "ms" },
    { name: "cat /proc/net/nf_conntrack >/dev/null, CPU", value: cat, unit: "ms" },
    { name: "conntrack | awk | cut | sort | uniq | sort, CPU", value: pipeline, unit: "ms" },
    ...costs("netlink", netlink),
    ...costs("procfs", procfs),
    ratio("window from netlink / conntrack -L", netlink.cpuMs, conntrack, "≤ 1.5"),
    ratio("window from netlink / pipeline", netlink.cpuMs, pipeline, "≤ 0.6"),
    ratio("window from procfs / cat", procfs.cpuMs, cat),
  ];
}

type Cost = ReturnType<typeof windows>;

const costs = (source: string, cost: Cost): Figure[] => [
  { name: `window from ${source}, CPU`, value: cost.cpuMs, unit: "ms" },
  { name: `window from ${source}, CPU outside the kernel`, value: cost.userMs, unit: "ms" },
  { name: `window from ${source}, CPU of the first one`, value: cost.firstMs, unit: "ms" },
  { name: `window from ${source}, reading alone, resident at most`, value: cost.rssMb, unit: "MB" },
];

function windows(source: string) {
  const read = () => inside(process.execPath, [join(HERE, "read-windows.ts"), source, String(WINDOWS)]);
  // As the service starts its agent: from the second start on, Node finds the sources compiled.
  read();
  const all = JSON.parse(read()) as WindowCost[];
  const cpu = all.map(({ userMs, systemMs }) => userMs + systemMs);
  return {
    entries: all.at(-1)?.entries ?? 0,
    cpuMs: median(cpu.slice(1)),
    userMs: median(all.slice(1).map(({ userMs }) => userMs)),
    firstMs: cpu[0] ?? Number.NaN,
    rssMb: Math.max(...all.map(({ rssMb }) => rssMb)),
  };
}

const repeat = (measure: () => number) => Array.from({ length: WINDOWS }, measure);

/** User and system time of a shell line with all its children, by bash's own clock. */
function shellCpuMs(line: string): number {
  const timed = `TIMEFORMAT='%U %S'; time { ${line}; }`;
  const { stderr } = spawnSync("ip", ["netns", "exec", NAMESPACE, "bash", "-c", timed], { encoding: "utf8" });
  const [user, system] = (stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) * 1000;
}

const inside = (command: string, args: readonly string[]) =>
  run("ip", ["netns", "exec", NAMESPACE, command, ...args]);

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
