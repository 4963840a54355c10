/**
 * Reads the host signals of the namespace this runs in: says `ready` once it counts, and after a line on stdin prints what
 * was counted since, the statistics as both sources have them, and the host, as one line of JSON.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { openCounters } from "../../agent/host/counters.ts";
import { readHost } from "../../agent/host/host.ts";
import { dumpStatistics } from "../../agent/host/statistics-netlink.ts";
import { openStatistics } from "../../agent/host/statistics.ts";
import { parseStatistics } from "../../agent/host/statistics-text.ts";
import { loadLibc } from "../../agent/sources/libc.ts";
import type { Counters, Host } from "../../api/wire.ts";

export interface HostSignals {
  from: string;
  counters: Counters;
  netlink: unknown;
  procfs: unknown;
  host: Host;
}

const monotonic = () => performance.now();
const counters = await openCounters({ monotonic });
console.log("ready");
await once(process.stdin, "data");

const statistics = await openStatistics({ monotonic });
const signals: HostSignals = {
  from: "from" in statistics ? statistics.from : statistics.unread,
  counters: await counters.read(),
  netlink: await loadLibc()
    .then((libc) => [...dumpStatistics(libc)].toSorted(([a], [b]) => a - b))
    .catch(String),
  procfs: [...(parseStatistics(await readFile("/proc/net/stat/nf_conntrack", "utf8")) ?? [])],
  host: await readHost({ unread: counters.unread }),
};
console.log(JSON.stringify(signals));
process.exit();
