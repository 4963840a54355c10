import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test as base } from "vitest";
import { readCilium } from "../../../agent/host/cilium.ts";
import { openCounters } from "../../../agent/host/counters.ts";
import { readHost } from "../../../agent/host/host.ts";
import { Counters, Host } from "../../../api/wire.ts";

const test = base.extend<{ root: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  root: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "conntrail-host-"));
    await use(root);
    await rm(root, { recursive: true });
  },
});

async function write(root: string, path: string, text = ""): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
const without = () => Promise.reject(new Error("no netlink here"));

describe("Cilium's maps", () => {
  test.for([
    ["cilium_ct4_global", true],
    ["cilium_ct_any6_global", true],
    ["cilium_lxc", false],
  ] as const)("with %s pinned it tracks connections: %s", async ([name, tracks], { root, expect }) => {
    await write(root, `tc/globals/${name}`);
    expect(await readCilium(root, (await statfs(root)).type)).toEqual({ ciliumBpf: tracks, unread: [] });
  });

  test("without any pins it does not", async ({ root, expect }) => {
    expect(await readCilium(root, (await statfs(root)).type)).toEqual({ ciliumBpf: false, unread: [] });
  });

  test("are unknown where no BPF file system can be seen", async ({ root, expect }) => {
    for (const path of [root, join(root, "absent")])
      expect(await readCilium(path)).toEqual({ unread: [expect.stringContaining(path)] });
  });

  test("are unknown where the pins cannot be read", async ({ root, expect }) => {
    await write(root, "tc/globals");
    expect(await readCilium(root, (await statfs(root)).type)).toEqual({
      unread: [expect.stringContaining("ENOTDIR")],
    });
  });
});

describe("the host", () => {
  test("names all that it cannot read, and nothing else", async ({ root, expect }) => {
    const host = await readHost({
      proc: root,
      sys: root,
      bpf: root,
      load: without,
      commands: [],
      unread: ["kernel log: no"],
    });
    expect(Host.parse(host)).toEqual(host);
    expect(Object.keys(host)).toEqual(["sysctls", "unread"]);
    const subjects = ["settings", "number of CPUs", "memory", "IPVS", "nftables", "Cilium", "kernel log"];
    expect(host.unread).toEqual(subjects.map((subject) => expect.stringContaining(subject)));
  });

  test("is written in the same order however its files lie", async ({ root, expect }) => {
    await write(root, "sys/net/netfilter/nf_conntrack_max", "262144\n");
    await write(root, "sys/net/netfilter/nf_conntrack_acct", "1\n");
    await write(root, "sys/net/core/rmem_max", "212992\n");
    await write(root, "net/dev", "kube-ipvs0: 0 0\n");
    await write(root, "meminfo", "MemTotal: 1024 kB\n");
    await write(root, "devices/system/cpu/online", "0-1\n");
    const host = await readHost({ proc: root, sys: root, bpf: root });
    expect(JSON.stringify({ ...host, unread: [] })).toBe(
      '{"sysctls":{"net.core.rmem_max":"212992","net.netfilter.nf_conntrack_acct":"1","net.netfilter.nf_conntrack_max":"262144"},"cores":2,"memoryBytes":1048576,"kubeProxy":"ipvs","unread":[]}',
    );
    expect(Host.parse(host)).toEqual(host);
  });

  test.for([
    [10, 60],
    [64, 64],
  ] as const)("with %i more things unread still fits the wire", async ([more], { root, expect }) => {
    const unread = Array.from({ length: more }, (_, i) => `thing ${i}`);
    const host = await readHost({ proc: root, sys: root, bpf: root, load: without, commands: [], unread });
    expect(host.unread).toHaveLength(Math.min(64, 6 + more));
    expect(Host.safeParse(host).success).toBe(true);
  });
});

describe("counters", () => {
  const STATISTICS = "net/stat/nf_conntrack";
  const open = (root: string, monotonic: () => number) =>
    openCounters({
      monotonic,
      proc: root,
      load: without,
      kernelLog: { path: join(root, "kmsg"), proc: root },
    });

  test("cover the time since they were opened, then since the call before", async ({ root, expect }) => {
    let now = 500;
    await write(root, STATISTICS, "entries drop\n01 05\n");
    await write(root, "kmsg", "4,1,1,-;nf_conntrack: table full, dropping packet\n");
    const counters = await open(root, () => now);
    expect(counters.unread).toEqual([]);
    await write(root, STATISTICS, "entries drop\n01 07\n");
    await writeFile(join(root, "kmsg"), "4,2,1,-;nf_conntrack: table full, dropping packet\n", { flag: "a" });
    now = 12_500;
    const first = await counters.read();
    expect(first).toEqual({
      elapsedMs: 12_000,
      statistics: { drop: 2 },
      log: { tableFull: 1, tableFullElsewhere: 0, missed: 0, invalid: [] },
    });
    expect(Counters.parse(first)).toEqual(first);
    now = 42_500;
    expect(await counters.read()).toMatchObject({
      elapsedMs: 30_000,
      statistics: { drop: 0 },
      log: { tableFull: 0 },
    });
    counters.close();
  });

  test("that cannot be read are absent and named", async ({ root, expect }) => {
    let now = 0;
    const counters = await open(root, () => now);
    now = 30_000;
    expect(await counters.read()).toEqual({ elapsedMs: 30_000, statistics: {} });
    expect(counters.unread).toEqual([
      expect.stringContaining("kernel log"),
      expect.stringContaining("per-CPU statistics"),
    ]);
    counters.close();
  });
});
