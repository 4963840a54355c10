import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Counters, Statistic } from "../../api/wire.ts";
import { type Libc, loadLibc } from "../sources/libc.ts";
import { dumpStatistics } from "./statistics-netlink.ts";
import { type CpuStatistics, parseStatistics } from "./statistics-text.ts";

/** What was counted since the reading before. */
export type StatisticsDelta = Pick<Counters, "elapsedMs" | "statistics">;

export interface Statistics {
  /** Where they come from. */
  readonly from: "netlink" | "procfs";
  /** Undefined at the first reading, after the counters began again, and where they cannot be read this time. */
  read(): Promise<StatisticsDelta | undefined>;
}

export interface StatisticsDeps {
  /** A clock that never goes back, in ms. */
  monotonic: () => number;
  proc?: string;
  load?: () => Promise<Libc>;
}

/**
 * Per-CPU statistics of conntrack: over netlink where it answers (CAP_NET_ADMIN), because procfs may lack the file
 * (CONFIG_NF_CONNTRACK_PROCFS), else from procfs, which anybody may read. Where neither can be read, says why.
 */
export async function openStatistics({
  monotonic,
  proc = "/proc",
  load = () => loadLibc(),
}: StatisticsDeps): Promise<Statistics | { unread: string }> {
  const path = join(proc, "net/stat/nf_conntrack");
  const netlink = await load().then(answering, () => undefined);
  const first = netlink?.() ?? (await readText(path));
  if (!first)
    return {
      unread: `per-CPU statistics: netlink does not answer, and ${path} is not there or not as the kernel writes it`,
    };
  const readings = netlink ? async () => netlink() : () => readText(path);
  return { from: netlink ? "netlink" : "procfs", read: differences(readings, bootOf(proc), monotonic) };
}

/** A reader over netlink, if the kernel answers it now. */
function answering(libc: Libc): (() => CpuStatistics | undefined) | undefined {
  const dump = () => {
    try {
      return dumpStatistics(libc);
    } catch {
      return undefined;
    }
  };
  return dump()?.size ? dump : undefined;
}

const readText = (path: string): Promise<CpuStatistics | undefined> =>
  readFile(path, "utf8").then(parseStatistics, () => undefined);

/** A process that was frozen and thawed elsewhere has another boot under it. */
const bootOf = (proc: string) => () =>
  readFile(join(proc, "sys/kernel/random/boot_id"), "utf8").catch(() => "");

function differences(
  readings: () => Promise<CpuStatistics | undefined>,
  boot: () => Promise<string>,
  monotonic: () => number,
): Statistics["read"] {
  let before: { at: number; boot: string; statistics: CpuStatistics } | undefined;
  return async () => {
    const statistics = await readings();
    if (!statistics) return undefined;
    const now = { at: monotonic(), boot: await boot(), statistics };
    const last = before;
    before = now;
    if (last?.boot !== now.boot) return undefined;
    const since = countedSince(last.statistics, statistics);
    // A CPU that is away keeps its counters, and comes back with them.
    for (const [cpu, counters] of last.statistics) if (!statistics.has(cpu)) statistics.set(cpu, counters);
    return since && { elapsedMs: Math.max(0, Math.round(now.at - last.at)), statistics: since };
  };
}

/**
 * Sum over all CPUs of what each counted between two readings; undefined where the counters began again. A CPU that was
 * not there counts from 0.
 */
export function countedSince(
  before: CpuStatistics,
  after: CpuStatistics,
): Partial<Record<Statistic, number>> | undefined {
  const sums: Partial<Record<Statistic, number>> = {};
  const steps: Step[] = [];
  for (const [cpu, counters] of after)
    for (const [name, value] of Object.entries(counters) as [Statistic, number][]) {
      const step = { was: before.get(cpu)?.[name] ?? 0, value };
      steps.push(step);
      sums[name] = (sums[name] ?? 0) + counted(step);
    }
  return beganAgain(steps) ? undefined : sums;
}

interface Step {
  was: number;
  value: number;
}

/** The counters are 32 bits wide (struct ip_conntrack_stat): one that fell has wrapped. */
const WIDTH = 2 ** 32;
const counted = ({ was, value }: Step): number => (value - was + WIDTH) % WIDTH;

/**
 * The counters of all CPUs begin at 0 together, when the module is loaded anew. Then all fall, or those that have not
 * caught up yet: one that would have gone half way round or more to where it is now did not wrap, whatever others did.
 */
function beganAgain(steps: readonly Step[]): boolean {
  const counting = steps.filter(({ was }) => was > 0);
  const fallen = counting.filter(({ was, value }) => value < was);
  return (
    fallen.some((step) => counted(step) >= WIDTH / 2) ||
    (fallen.length > 1 && fallen.length === counting.length)
  );
}
