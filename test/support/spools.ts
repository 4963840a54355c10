import * as files from "node:fs/promises";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Dropped } from "../../api/wire.ts";
import type { LogLine } from "../../agent/log.ts";
import { pack, type Parcel } from "../../agent/push.ts";
import { Backlog, type BacklogOptions, openBacklog } from "../../agent/spool/backlog.ts";
import type { Disk } from "../../agent/spool/disk.ts";
import { LIMITS, type Limits } from "../../agent/spool/limits.ts";
import { lockSpool } from "../../agent/spool/lock.ts";
import { aReport } from "./a-report.ts";

export const BOOT = "5f3c1d9e-0c2b-4f7e-9a59-1d2b8f6f0001";

/** A folder for one test. */
export async function aSpoolFolder(parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, "conntrail-spool-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A packed report of that number, with what it declares as lost. */
export function aParcel(sequence: number, dropped: Dropped[] = []): Promise<Parcel> {
  const report = aReport({ sequence, ...(dropped.length > 0 && { dropped }) });
  return pack({ ...report, node: { ...report.node, bootId: BOOT } });
}

export const declared = (reason: Dropped["reason"], from: number, to = from): Dropped => ({
  bootId: BOOT,
  from,
  to,
  reason,
});

/** A backlog on that folder, and what it logs; released with the test. */
export async function aBacklog(
  folder: string | undefined,
  { limits, ...differing }: Partial<Omit<BacklogOptions, "limits">> & { limits?: Partial<Limits> } = {},
): Promise<{ backlog: Backlog; logged: LogLine[]; events: () => string[] }> {
  const logged: LogLine[] = [];
  const backlog = await openBacklog({
    folder,
    lock: (path) => lockSpool(path, { pid: process.pid }),
    now: Date.now,
    log: (line) => void logged.push(line),
    limits: { ...LIMITS, ...limits },
    ...differing,
  });
  onTestFinished(() => backlog.close());
  return { backlog, logged, events: () => logged.map(({ event }) => event) };
}

export const sequences = (backlog: Backlog): number[] => backlog.waiting.map(({ sequence }) => sequence);

/** Names of the reports in a folder. */
export const reportsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => /^\d{16}-/.test(name)).toSorted();

/** A disk that `fails` says when to fail: the call by its name, and the path it is for. */
export function failingDisk(fails: (call: string, path: string) => string | undefined): Disk {
  const check = (call: string, path: string) => {
    const code = fails(call, path);
    if (code) throw Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
  };
  const wrapped =
    (call: keyof Disk) =>
    async (path: string, ...rest: unknown[]): Promise<unknown> => {
      check(call, path);
      return (files[call] as (...args: unknown[]) => Promise<unknown>)(path, ...rest);
    };
  const calls = ["chmod", "mkdir", "readdir", "readFile", "rename", "stat", "unlink", "writeFile"] as const;
  const open = async (path: string, flags: string, mode?: number) => {
    check("open", path);
    const handle = await files.open(path, flags, mode);
    return {
      writeFile: async (bytes: Uint8Array | string) => {
        check("write", path);
        await handle.writeFile(bytes);
      },
      sync: async () => {
        check("sync", path);
        await handle.sync();
      },
      close: () => handle.close(),
    };
  };
  return { ...Object.fromEntries(calls.map((call) => [call, wrapped(call)])), open } as unknown as Disk;
}
