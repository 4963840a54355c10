import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test as base } from "vitest";
import { countedSince, openStatistics } from "../../../agent/host/statistics.ts";
import type { Statistic } from "../../../api/wire.ts";

const test = base.extend<{ proc: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  proc: async ({}, use) => {
    const proc = await mkdtemp(join(tmpdir(), "conntrail-proc-"));
    await mkdir(join(proc, "net/stat"), { recursive: true });
    await mkdir(join(proc, "sys/kernel/random"), { recursive: true });
    await use(proc);
    await rm(proc, { recursive: true });
  },
});

const cpus = (...rows: Partial<Record<Statistic, number>>[]) => new Map(rows.entries());

describe("what was counted between two readings", () => {
  test.for([
    ["sums what each CPU counted", cpus({ drop: 5 }, { drop: 7 }), cpus({ drop: 6 }, { drop: 17 }), 11],
    ["is 0 where nothing moved", cpus({ drop: 5 }), cpus({ drop: 5 }), 0],
    ["goes on over a wrap at 32 bits", cpus({ drop: 2 ** 32 - 1, found: 9 }), cpus({ drop: 2, found: 9 }), 3],
    [
      "takes a lone counter that fell by little for wrapped",
      cpus({ drop: 2 ** 32 - 1 }),
      cpus({ drop: 2 ** 31 - 2 }),
      2 ** 31 - 1,
    ],
    ["counts a CPU that is new from 0", cpus({ drop: 5 }), cpus({ drop: 5 }, { drop: 4 }), 4],
    ["leaves out a CPU that is gone", cpus({ drop: 5 }, { drop: 7 }), cpus({ drop: 6 }), 1],
  ] as const)("%s", ([, before, after, drop], { expect }) => {
    expect(countedSince(before, after)?.drop).toBe(drop);
  });

  test.for([
    ["all counters fell", cpus({ drop: 5, found: 2 ** 32 - 1 }), cpus({ drop: 0, found: 3 })],
    [
      "all fell, though by less than half their width",
      cpus({ drop: 3_000_000_000 }, { drop: 9 }),
      cpus({ drop: 0 }, { drop: 1 }),
    ],
    [
      "the only counter fell by more than half its width",
      cpus({ drop: 2 ** 32 - 1 }),
      cpus({ drop: 2 ** 31 - 1 }),
    ],
    ["the only counter fell from little", cpus({ drop: 100, found: 0 }), cpus({ drop: 3, found: 8 })],
    [
      "one has caught up with what it was, and the others have not",
      cpus({ drop: 1, invalid: 5_000, found: 9 }),
      cpus({ drop: 1, invalid: 3, found: 0 }),
    ],
    ["those of one CPU have caught up", cpus({ found: 4 }, { found: 900 }), cpus({ found: 5 }, { found: 2 })],
    [
      "one fell by half its width, beside one that rose",
      cpus({ drop: 1, found: 2 ** 31 }),
      cpus({ drop: 2, found: 0 }),
    ],
  ] as const)("is unknown where %s", ([, before, after], { expect }) => {
    expect(countedSince(before, after)).toBeUndefined();
  });

  test("a counter that did not fall shows that another wrapped", ({ expect }) => {
    const before = cpus({ drop: 7, found: 2 ** 32 - 2, invalid: 2 ** 31 + 1 });
    const after = cpus({ drop: 7, found: 1, invalid: 0 });
    expect(countedSince(before, after)).toEqual({ drop: 0, found: 3, invalid: 2 ** 31 - 1 });
  });
});

const write = (proc: string, drops: string) =>
  writeFile(join(proc, "net/stat/nf_conntrack"), `entries drop found\n00000001 ${drops} 00000001\n`);
const boot = (proc: string, id: string) => writeFile(join(proc, "sys/kernel/random/boot_id"), `${id}\n`);
const without = () => Promise.reject(new Error("no netlink here"));

async function open(proc: string, monotonic: () => number) {
  const statistics = await openStatistics({ monotonic, proc, load: without });
  if ("unread" in statistics) throw new Error(statistics.unread);
  return statistics;
}

describe("statistics", () => {
  test("come from procfs where netlink does not answer, as differences over a stretch of time", async ({
    proc,
    expect,
  }) => {
    let now = 1_000.4;
    await write(proc, "00000010");
    const statistics = await open(proc, () => now);
    expect(statistics.from).toBe("procfs");
    expect(await statistics.read()).toBeUndefined();
    now += 30_000;
    await write(proc, "0000001a");
    expect(await statistics.read()).toEqual({ elapsedMs: 30_000, statistics: { drop: 10, found: 0 } });
  });

  test("begin again after a reboot, though they rose", async ({ proc, expect }) => {
    await write(proc, "00000010");
    await boot(proc, "one");
    const statistics = await open(proc, () => 0);
    await statistics.read();
    await boot(proc, "two");
    await write(proc, "00000020");
    expect(await statistics.read()).toBeUndefined();
    await write(proc, "00000021");
    expect((await statistics.read())?.statistics.drop).toBe(1);
  });

  test("that cannot be read for once are counted by the next reading", async ({ proc, expect }) => {
    let now = 0;
    await write(proc, "00000010");
    const statistics = await open(proc, () => now);
    await statistics.read();
    await rm(join(proc, "net/stat/nf_conntrack"));
    now = 30_000;
    expect(await statistics.read()).toBeUndefined();
    await write(proc, "00000015");
    now = 60_000;
    expect(await statistics.read()).toMatchObject({ elapsedMs: 60_000, statistics: { drop: 5 } });
  });

  test("of a CPU that comes back go on from where it left", async ({ proc, expect }) => {
    const path = join(proc, "net/stat/nf_conntrack");
    const both = (drops: string) => writeFile(path, `entries drop\n01 10\n01 ${drops}\n`);
    await both("20");
    const statistics = await open(proc, () => 0);
    await statistics.read();
    await writeFile(path, "entries drop\n01 10\n");
    await statistics.read();
    await both("23");
    expect((await statistics.read())?.statistics).toEqual({ drop: 3 });
  });

  test("that are nowhere are named", async ({ proc, expect }) => {
    const statistics = await openStatistics({ monotonic: () => 0, proc, load: without });
    expect(statistics).toEqual({ unread: expect.stringContaining("net/stat/nf_conntrack") });
  });
});
