import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, median } from "./figure.ts";
import { type FilledTable, fillTable } from "./filled-table.ts";
import type { WindowCost } from "./read-windows.ts";

const READ_WINDOWS = join(import.meta.dirname, "read-windows.ts");
const ENTRIES = 262_144;
const MANY_ENTRIES = 1_000_000;
const WINDOWS = 7;

/** What a person runs today to see who fills the table. */
const PIPELINE =
  "conntrack -L -o extended 2>/dev/null | awk '{print $7}' | cut -d= -f2 | sort | uniq -c | sort -rn";

/** CPU of one full window over many live entries, all of them leases, beside the usual tools, in one namespace. */
export function benchWindow(): Promise<Figure[]> {
  process.env["NODE_COMPILE_CACHE"] = mkdtempSync(join(tmpdir(), "conntrail-compiled-"));
  try {
    return Promise.resolve([...besideTools(), ...manyEntries()]);
  } finally {
    rmSync(process.env["NODE_COMPILE_CACHE"], { recursive: true });
    delete process.env["NODE_COMPILE_CACHE"];
  }
}

function besideTools(): Figure[] {
  using table = fillTable(ENTRIES);
  const conntrack = shellCpuMs(table, "conntrack -L -o extended >/dev/null 2>&1");
  const cat = shellCpuMs(table, "cat /proc/net/nf_conntrack >/dev/null");
  const pipeline = shellCpuMs(table, `${PIPELINE} >/dev/null`);
  const netlink = windows(table, "netlink");
  const procfs = windows(table, "procfs");
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
    ...costs("window from netlink", netlink),
    ...costs("window from procfs", procfs),
    ratio("window from netlink / conntrack -L", netlink.cpuMs, conntrack, "≤ 1.5"),
    ratio("window from netlink / pipeline", netlink.cpuMs, pipeline, "≤ 0.6"),
    ratio("window from procfs / cat", procfs.cpuMs, cat),
  ];
}

function manyEntries(): Figure[] {
  using table = fillTable(MANY_ENTRIES);
  const netlink = windows(table, "netlink");
  return costs(`window over ${netlink.entries.toLocaleString("en-US")} entries from netlink`, netlink);
}

type Cost = ReturnType<typeof windows>;

const costs = (name: string, cost: Cost): Figure[] => [
  { name: `${name}, CPU`, value: cost.cpuMs, unit: "ms" },
  { name: `${name}, CPU outside the kernel`, value: cost.userMs, unit: "ms" },
  { name: `${name}, CPU of the first one`, value: cost.firstMs, unit: "ms" },
];

function windows(table: FilledTable, source: string) {
  const read = () => table.run(process.execPath, [READ_WINDOWS, source, String(WINDOWS)]);
  // As the service starts its agent: from the second start on, Node finds the sources compiled.
  read();
  const all = JSON.parse(read()) as WindowCost[];
  const cpu = all.map(({ userMs, systemMs }) => userMs + systemMs);
  return {
    entries: all.at(-1)?.entries ?? 0,
    cpuMs: median(cpu.slice(1)),
    userMs: median(all.slice(1).map(({ userMs }) => userMs)),
    firstMs: cpu[0] ?? Number.NaN,
  };
}

/** User and system time of a shell line with all its children, by bash's own clock: the median of some runs. */
function shellCpuMs({ namespace }: FilledTable, line: string): number {
  const timed = `TIMEFORMAT='%U %S'; time { ${line}; }`;
  const args = ["netns", "exec", namespace, "bash", "-c", timed];
  const runs = Array.from({ length: WINDOWS }, () => {
    const { stderr } = spawnSync("ip", args, { encoding: "utf8" });
    const [user, system] = (stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
    return ((user ?? Number.NaN) + (system ?? Number.NaN)) * 1000;
  });
  return median(runs);
}
