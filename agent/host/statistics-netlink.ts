import type { Statistic } from "../../api/wire.ts";
import type { Libc } from "../sources/libc.ts";
import { type Answer, dumpNetfilter } from "./nfnetlink.ts";
import type { CpuStatistics } from "./statistics-text.ts";

/** IPCTNL_MSG_CT_GET_STATS_CPU of subsystem 1 and IPCTNL_MSG_EXP_GET_STATS_CPU of subsystem 2 (nfnetlink_conntrack.h). */
const CT_GET_STATS_CPU = 0x104;
const EXP_GET_STATS_CPU = 0x203;

/** enum ctattr_stats_cpu; 1, 3, 5, 6 and 7 are dead and no longer sent. */
const OF_ENTRIES: ReadonlyMap<number, Statistic> = new Map([
  [2, "found"],
  [4, "invalid"],
  [8, "insert"],
  [9, "insertFailed"],
  [10, "drop"],
  [11, "earlyDrop"],
  [12, "error"],
  [13, "searchRestart"],
  [14, "clashResolve"],
  [15, "chainTooLong"],
]);
/** enum ctattr_expect_stats. */
const OF_EXPECTATIONS: ReadonlyMap<number, Statistic> = new Map([
  [1, "expectNew"],
  [2, "expectCreate"],
  [3, "expectDelete"],
]);

/** Per-CPU statistics over netlink, which are there also where the kernel has no procfs files for them; throws. */
export function dumpStatistics(libc: Libc): CpuStatistics {
  const statistics: CpuStatistics = new Map();
  for (const [type, meaning] of [
    [CT_GET_STATS_CPU, OF_ENTRIES],
    [EXP_GET_STATS_CPU, OF_EXPECTATIONS],
  ] as const)
    dumpNetfilter(libc, type, (answer) => {
      addRow(statistics, answer, meaning);
      return false;
    });
  return statistics;
}

/** The CPU is the resource of the message; counters are 32 bits, big endian. */
function addRow(
  statistics: CpuStatistics,
  { resource, attributes }: Answer,
  meaning: ReadonlyMap<number, Statistic>,
): void {
  const counters = statistics.get(resource) ?? {};
  for (const [type, bytes] of attributes) {
    const name = meaning.get(type);
    if (name && bytes.length === 4)
      counters[name] = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }
  statistics.set(resource, counters);
}
