import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test as base } from "vitest";
import { LITTLE_ENDIAN } from "../../../agent/conntrack/netlink-attribute.ts";
import { type KubeProxyDeps, readKubeProxy } from "../../../agent/host/kube-proxy.ts";
import type { Libc } from "../../../agent/sources/libc.ts";

const test = base.extend<{ root: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures a fixture needs from its pattern
  root: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "conntrail-kube-"));
    await write(root, "net/dev", "Inter-| Receive\n    lo: 1 2\n");
    await use(root);
    await rm(root, { recursive: true });
  },
});

async function write(root: string, path: string, text: string): Promise<string> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  return full;
}

async function command(root: string, name: string, script: string): Promise<string> {
  const path = await write(root, name, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const EPROTONOSUPPORT = 93;
/** A machine whose kernel has no netlink for netfilter. */
const closed = {
  socket: () => -1,
  errno: () => EPROTONOSUPPORT,
} as unknown as Libc;
/** One whose kernel has no nftables, which it says when it is asked for them (EINVAL). */
const legacyOnly = (): Libc => {
  const refusal = new Uint8Array(20);
  const view = new DataView(refusal.buffer);
  view.setUint32(0, 20, LITTLE_ENDIAN);
  view.setUint16(4, 2, LITTLE_ENDIAN);
  view.setInt32(16, -22, LITTLE_ENDIAN);
  const libc: Libc = {
    ...closed,
    socket: () => 3,
    bind: () => 0,
    getsockname: () => 0,
    setsockopt: () => 0,
    send: (_fd: number, bytes: Uint8Array) => bytes.length,
    recv: (_fd: number, buffer: Uint8Array) => {
      buffer.set(refusal);
      return refusal.length;
    },
    close: () => 0,
  };
  return libc;
};

const read = (root: string, deps: KubeProxyDeps = {}) =>
  readKubeProxy({ proc: root, load: async () => legacyOnly(), commands: [], ...deps });

test("the interface that holds the services' addresses shows IPVS", async ({ root, expect }) => {
  await write(root, "net/dev", "Inter-| Receive\n    lo: 1 2\nkube-ipvs0:       0       0\n");
  expect(await read(root)).toEqual({ mode: "ipvs", unread: [] });
});

test("an interface of a similar name does not", async ({ root, expect }) => {
  await write(root, "net/dev", "my-kube-ipvs0: 0\nkube-ipvs01: 0\n");
  expect(await read(root)).toEqual({ mode: "none", unread: [] });
});

test.for([
  ["printf ':PREROUTING ACCEPT\\n:KUBE-SERVICES - [0:0]\\n'", "iptables"],
  ["printf ':PREROUTING ACCEPT\\n:KUBE-KUBELET-CANARY - [0:0]\\n# :KUBE-SERVICES \\n'", "none"],
] as const)(
  "legacy rules are listed by the command: %s shows %s",
  async ([script, mode], { root, expect }) => {
    await write(root, "net/ip_tables_names", "nat\nfilter\n");
    const save = await command(root, "save", script);
    expect(await read(root, { commands: [join(root, "absent"), save] })).toEqual({ mode, unread: [] });
  },
);

test("a listing is not heard to its end once the chain was seen", async ({ root, expect }) => {
  await write(root, "net/ip_tables_names", "nat\n");
  const save = await command(root, "save", "echo ':KUBE-SERVICES - [0:0]'; exec sleep 3600");
  expect(await read(root, { commands: [save] })).toEqual({ mode: "iptables", unread: [] });
});

test("without a legacy nat table the command is not asked", async ({ root, expect }) => {
  await write(root, "net/ip_tables_names", "filter\n");
  const save = await command(root, "save", "echo ':KUBE-SERVICES - [0:0]'");
  expect(await read(root, { commands: [save] })).toEqual({ mode: "none", unread: [] });
});

test.for([
  ["is not installed", [] as string[], "is installed to list them"],
  ["fails", ["exit 4"], "failed"],
] as const)("the mode is unknown where the command %s", async ([, scripts, words], { root, expect }) => {
  await write(root, "net/ip_tables_names", "nat\n");
  const commands = await Promise.all(scripts.map((script) => command(root, "save", script)));
  expect(await read(root, { commands })).toEqual({ unread: [expect.stringContaining(words)] });
});

test("the mode is unknown where nftables cannot be asked, unless another place shows it", async ({
  root,
  expect,
}) => {
  const load = async () => closed;
  expect(await read(root, { load })).toEqual({ unread: [expect.stringContaining("in nftables")] });
  await write(root, "net/ip_tables_names", "nat\n");
  const save = await command(root, "save", "echo ':KUBE-SERVICES - [0:0]'");
  expect(await read(root, { load, commands: [save] })).toEqual({ mode: "iptables", unread: [] });
});

test("the mode is unknown where not even interfaces can be read", async ({ root, expect }) => {
  await rm(join(root, "net/dev"));
  expect(await read(root)).toEqual({ unread: [expect.stringContaining("interfaces")] });
});
