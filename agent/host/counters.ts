import type { Counters } from "../../api/wire.ts";
import { type KernelLogDeps, openKernelLog } from "./kernel-log.ts";
import { openStatistics, type StatisticsDeps } from "./statistics.ts";

export interface HostCounters {
  /** What of them cannot be read here, for `readHost`. */
  readonly unread: readonly string[];
  /** What was counted since the call before, or since they were opened. */
  read(): Promise<Counters>;
  close(): void;
}

/** Everything this node counts by itself: the statistics of conntrack and what the kernel log says of it. */
export async function openCounters({
  kernelLog = {},
  ...deps
}: StatisticsDeps & { kernelLog?: KernelLogDeps }): Promise<HostCounters> {
  const log = await openKernelLog(kernelLog);
  const statistics = await openStatistics(deps);
  let before = deps.monotonic();
  if ("read" in statistics) await statistics.read();
  return {
    unread: [log, statistics].flatMap((opened) => ("unread" in opened ? [opened.unread] : [])),
    async read() {
      const now = deps.monotonic();
      const sinceBefore = { elapsedMs: Math.max(0, Math.round(now - before)), statistics: {} };
      before = now;
      const counted = "read" in statistics ? await statistics.read() : undefined;
      const lines = "poll" in log ? await log.poll() : undefined;
      return { ...(counted ?? sinceBefore), ...(lines && { log: lines }) };
    },
    close: () => ("close" in log ? log.close() : undefined),
  };
}
