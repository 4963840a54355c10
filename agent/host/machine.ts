import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../../api/wire.ts";

/** CPUs that are online and the memory of the whole machine, whatever the limits of this process; absent where unreadable. */
export async function readMachine(
  proc = "/proc",
  sys = "/sys",
): Promise<Pick<Host, "cores" | "memoryBytes">> {
  const cores = countCpus(await text(join(sys, "devices/system/cpu/online")));
  const kilobytes = /^MemTotal:\s+(\d{1,12}) kB$/m.exec(await text(join(proc, "meminfo")))?.[1];
  return {
    ...(cores > 0 && { cores }),
    ...(kilobytes !== undefined && { memoryBytes: Number(kilobytes) * 1024 }),
  };
}

const text = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** CPUs of a list such as `0-3,8`; 0 for what is none. */
export function countCpus(list: string): number {
  let count = 0;
  for (const range of list.trim().split(",")) {
    const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? [];
    if (first === undefined) return 0;
    count += Number(last ?? first) - Number(first) + 1;
  }
  return Math.max(count, 0);
}
