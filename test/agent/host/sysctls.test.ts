import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test as base } from "vitest";
import { countCpus, readMachine } from "../../../agent/host/machine.ts";
import { readSysctls, timeoutsOf } from "../../../agent/host/sysctls.ts";

interface Files {
  proc: string;
  sys: string;
  write(path: string, text: string): Promise<void>;
}

const test = base.extend<{ files: Files }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  files: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "conntrail-host-"));
    const write = async (path: string, text: string) => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    };
    await use({ proc: join(root, "proc"), sys: join(root, "sys"), write });
    await rm(root, { recursive: true });
  },
});

const NETFILTER = "proc/sys/net/netfilter";

async function writeAll(files: Files): Promise<void> {
  await files.write(`${NETFILTER}/nf_conntrack_max`, "262144\n");
  await files.write(`${NETFILTER}/nf_conntrack_count`, "77\n");
  await files.write(`${NETFILTER}/nf_conntrack_of_tomorrow`, "1\n");
  await files.write(`${NETFILTER}/nf_flowtable_tcp_timeout`, "30\n");
  await files.write(`${NETFILTER}/nf_hooks_lwtunnel`, "0\n");
  await files.write(`${NETFILTER}/nf_log_all_netns`, "0\n");
  await files.write(`${NETFILTER}/nf_log/2`, "nf_log_ipv4\n");
  await files.write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  for (const name of ["intvl", "probes", "time"])
    await files.write(`proc/sys/net/ipv4/tcp_keepalive_${name}`, "75\n");
  for (const name of ["default", "max"]) await files.write(`proc/sys/net/core/rmem_${name}`, "212992\n");
  await files.write("sys/module/nf_conntrack/parameters/hashsize", "65536\n");
}

describe("settings", () => {
  test("are all that concern conntrack, in the order of their names, as the kernel prints them", async ({
    files,
    expect,
  }) => {
    await writeAll(files);
    const { sysctls, unread } = await readSysctls(files.proc, files.sys);
    expect(Object.entries(sysctls)).toEqual([
      ["net.core.rmem_default", "212992"],
      ["net.core.rmem_max", "212992"],
      ["net.ipv4.ip_local_port_range", "32768 60999"],
      ["net.ipv4.tcp_keepalive_intvl", "75"],
      ["net.ipv4.tcp_keepalive_probes", "75"],
      ["net.ipv4.tcp_keepalive_time", "75"],
      ["net.netfilter.nf_conntrack_max", "262144"],
      ["net.netfilter.nf_conntrack_of_tomorrow", "1"],
      ["net.netfilter.nf_flowtable_tcp_timeout", "30"],
      ["net.netfilter.nf_log.2", "nf_log_ipv4"],
      ["net.netfilter.nf_log_all_netns", "0"],
      ["nf_conntrack.hashsize", "65536"],
    ]);
    expect(unread).toEqual([]);
  });

  test("that cannot be read are named once for each cause", async ({ files, expect }) => {
    await writeAll(files);
    await rm(join(files.sys, "module"), { recursive: true });
    await rm(join(files.proc, "sys/net/core"), { recursive: true });
    expect((await readSysctls(files.proc, files.sys)).unread).toEqual([
      "settings net.core.rmem_default, net.core.rmem_max, nf_conntrack.hashsize: cannot be read (ENOENT)",
    ]);
  });

  test("of a machine without conntrack are those of the network alone, and conntrack's absence is said", async ({
    files,
    expect,
  }) => {
    await writeAll(files);
    await rm(join(files.proc, "sys/net/netfilter"), { recursive: true });
    const { sysctls, unread } = await readSysctls(files.proc, files.sys);
    expect(Object.keys(sysctls)).toHaveLength(7);
    expect(unread).toEqual([expect.stringContaining("net.netfilter")]);
  });

  test.for([
    [256, 1],
    [257, 0],
  ] as const)("a value of %i characters is taken: %i", async ([length, taken], { files, expect }) => {
    await files.write(`${NETFILTER}/nf_conntrack_x`, `${"1".repeat(length)}\n`);
    const { sysctls, unread } = await readSysctls(files.proc, files.sys);
    expect(Object.keys(sysctls)).toHaveLength(taken);
    expect(unread.some((sentence) => sentence.includes("nf_conntrack_x"))).toBe(taken === 0);
  });

  test.for([
    [256, 0],
    [257, 1],
  ] as const)("of %i settings %i are left out and said", async ([count, left], { files, expect }) => {
    for (let i = 0; i < count; i++) await files.write(`${NETFILTER}/nf_conntrack_${i}`, "1\n");
    const { sysctls, unread } = await readSysctls(files.proc, files.sys);
    expect(Object.keys(sysctls)).toHaveLength(256);
    expect(unread.filter((sentence) => sentence.includes("than a report takes"))).toHaveLength(left);
  });
});

test("timeouts are numbers of seconds, and absent where the kernel has none", ({ expect }) => {
  const sysctls = {
    "net.netfilter.nf_conntrack_tcp_timeout_established": "432000",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "60",
    "net.netfilter.nf_conntrack_udp_timeout": "30",
    "net.netfilter.nf_conntrack_udp_timeout_stream": "120",
    "net.netfilter.nf_conntrack_sctp_timeout_established": "none",
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "310",
  };
  expect(timeoutsOf(sysctls)).toEqual({
    tcpEstablished: 432_000,
    tcpCloseWait: 60,
    udp: 30,
    udpStream: 120,
    tcpUnacknowledged: 300,
    tcpMaxRetrans: 310,
  });
});

describe("the machine", () => {
  test("has the CPUs that are online and all its memory", async ({ files, expect }) => {
    await files.write("sys/devices/system/cpu/online", "0-3,6\n");
    await files.write("proc/meminfo", "MemTotal:       24615700 kB\nMemFree:         1000 kB\n");
    expect(await readMachine(files.proc, files.sys)).toEqual({ cores: 5, memoryBytes: 25_206_476_800 });
  });

  test("that does not say has neither", async ({ files, expect }) => {
    await files.write("sys/devices/system/cpu/online", "");
    await files.write("proc/meminfo", "MemTotal: lots\n");
    expect(await readMachine(files.proc, files.sys)).toEqual({});
  });

  test.for([
    ["0", 1],
    ["0-127\n", 128],
    ["1,3-4", 3],
    ["0-", 0],
    ["5-3", 0],
    ["a", 0],
  ] as const)("the list %s has %i CPUs", ([list, count], { expect }) => {
    expect(countCpus(list)).toBe(count);
  });
});
