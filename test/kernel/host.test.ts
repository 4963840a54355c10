import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { Counters, Host } from "../../api/wire.ts";
import { missing, type Network, openNetwork, POD_V4, ready, SERVER_V4 } from "../support/namespaces.ts";
import type { HostSignals } from "../support/read-host.ts";

const READ_HOST = join(import.meta.dirname, "../support/read-host.ts");
const LOG_ALL = "/proc/sys/net/netfilter/nf_log_all_netns";
/** setpriv arguments for a process of uid and gid 65534 without capabilities. */
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];

const reason = missing();
let network: Network;
let logAll: string | undefined;

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  logAll = await readFile(LOG_ALL, "utf8").catch(() => undefined);
});
afterAll(async () => {
  if (logAll !== undefined) await writeFile(LOG_ALL, logAll);
  await network?.dispose();
});
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** What the node's namespace counts while `act` runs, and how it is set. */
async function signals(act: () => Promise<unknown>, run: readonly string[] = []): Promise<HostSignals> {
  const [command, ...args] = [...run, process.execPath, READ_HOST];
  const child = network.spawn(network.node, command, args);
  await ready(child);
  await act();
  child.stdin!.write("\n");
  return JSON.parse(await ready(child, "{")) as HostSignals;
}
const kubeProxy = async () => (await signals(async () => {})).host.kubeProxy;
const onNode = (line: string) => network.exec(network.node, "sh", ["-c", line]);

test("invalid packets are counted by the kernel's statistics, and by its log with their reason", async ({
  skip,
  expect,
}) => {
  if (logAll === undefined) skip("needs a kernel that can log for all namespaces (nf_log_all_netns)");
  await writeFile(LOG_ALL, "1");
  await onNode("echo nf_log_ipv4 > /proc/sys/net/netfilter/nf_log/2");
  await onNode("echo 255 > /proc/sys/net/netfilter/nf_conntrack_log_invalid");
  const { from, counters, host } = await signals(async () => {
    // Sixteen zero bytes: a wrong checksum for SCTP, a length that cannot be for UDP, too short a header for TCP, of
    // which the log says nothing.
    await network.traffic(network.pods[0], "raw", SERVER_V4, 132, 3);
    await network.traffic(network.pods[0], "raw", SERVER_V4, 6, 1);
    await network.traffic(network.pods[0], "raw", SERVER_V4, 17, 2);
  });
  expect(from).toBe("netlink");
  expect(Counters.parse(counters)).toEqual(counters);
  expect(counters.statistics.invalid).toBe(6);
  const lines = counters.log!.invalid.filter(({ sample }) => sample.includes(`SRC=${POD_V4[0]}`));
  const of = (protocol: number) =>
    lines.filter(({ reason }) => reason.startsWith(`nf_ct_proto_${protocol}: `));
  expect(of(132)).toMatchObject([{ lines: 3 }]);
  expect(of(6)).toEqual([]);
  expect(of(17)).toMatchObject([{ lines: 2 }]);
  expect(host.sysctls["net.netfilter.nf_conntrack_log_invalid"]).toBe("255");
  expect(host.sysctls["net.netfilter.nf_log.2"]).toBe("nf_log_ipv4");
});

test("netlink and procfs have the same statistics of each CPU", async ({ expect }) => {
  const { netlink, procfs } = await signals(async () => {});
  expect(netlink).toEqual(procfs);
});

test("without a capability the statistics are those of procfs, and what is unread is named", async ({
  expect,
}) => {
  const act = () => network.traffic(network.pods[1], "raw", SERVER_V4, 6, 2);
  const { from, counters, host } = await signals(act, NOBODY);
  expect(from).toBe("procfs");
  expect(counters.statistics.invalid).toBe(2);
  expect(Host.parse(host)).toEqual(host);
  expect(host).not.toHaveProperty("kubeProxy");
  expect(host.unread).toContainEqual(expect.stringMatching(/nftables.*CAP_NET_ADMIN/));
  expect(host.cores).toBeGreaterThan(0);
});

test("kube-proxy's mode is told from its rules, whatever others the node has", async ({ skip, expect }) => {
  expect(await kubeProxy()).toBe("none");
  await onNode("iptables -t nat -N KUBE-KUBELET-CANARY");
  expect(await kubeProxy()).toBe("none");
  await onNode("iptables -t nat -N KUBE-SERVICES");
  expect(await kubeProxy()).toBe("iptables");
  if (spawnSync("nft", ["-v"]).error) skip("needs nft (package nftables)");
  await onNode("nft add table ip6 kube-proxy");
  expect(await kubeProxy()).toBe("nftables");
  await network.exec(network.node, "ip", ["link", "add", "kube-ipvs0", "type", "veth"]);
  expect(await kubeProxy()).toBe("ipvs");
});

test("kube-proxy's rules are found among those of the older iptables", async ({ skip, expect }) => {
  if (spawnSync("iptables-legacy", ["-V"]).error) skip("needs iptables-legacy (package iptables)");
  await onNode(
    "ip link del kube-ipvs0; nft delete table ip6 kube-proxy; iptables -t nat -X KUBE-SERVICES; true",
  );
  expect(await kubeProxy()).toBe("none");
  await onNode("iptables-legacy -t nat -N KUBE-SERVICES");
  expect(await kubeProxy()).toBe("iptables");
});
