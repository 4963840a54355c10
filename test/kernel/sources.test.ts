import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, test } from "vitest";
import type { Outcome } from "../support/dump-rows.ts";
import {
  missing,
  NODE_V4,
  type Network,
  openNetwork,
  POD_V4,
  SERVER_V4,
  SERVER_V6,
} from "../support/namespaces.ts";
import { comparable, type Row } from "../support/rows.ts";

const DUMP_ROWS = join(import.meta.dirname, "../support/dump-rows.ts");
const PORT = 8080;
const SILENT_PORT = 9090;
const BLOCKED_PORT = 9999;
const HANGUP_PORT = 9191;
const SERVICE = "10.96.0.1";

const reason = missing();
let network: Network;

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  await prepareNode(network);
  await openFlows(network);
});
afterAll(() => network?.dispose());
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** A service for the outside server and one for a Pod, a zone, a mark, and a port that drops what it gets. */
async function prepareNode(net: Network): Promise<void> {
  const rules = [
    `iptables -t nat -A PREROUTING -d ${SERVICE} -p tcp --dport 80 -j DNAT --to-destination ${SERVER_V4}:${PORT}`,
    `iptables -t nat -A PREROUTING -d ${SERVICE} -p tcp --dport 81 -j DNAT --to-destination ${POD_V4[1]}:${PORT}`,
    `iptables -t nat -A PREROUTING -d ${SERVICE} -p tcp --dport 82 -j DNAT --to-destination ${POD_V4[0]}:${PORT}`,
    `iptables -t nat -A POSTROUTING -s ${POD_V4[0]} -d ${POD_V4[0]} -j MASQUERADE`,
    `iptables -t raw -A PREROUTING -s ${POD_V4[2]} -p udp -j CT --zone 7`,
    `iptables -t raw -A PREROUTING -s ${POD_V4[1]} -p udp -j CT --zone-orig 5`,
    `iptables -t mangle -A PREROUTING -s ${POD_V4[1]} -j CONNMARK --set-mark 0xfffffff0`,
  ];
  // Nothing may expire between two reads, however slow the machine.
  for (const protocol of ["udp", "icmp", "icmpv6", "gre"])
    rules.push(`echo 900 > /proc/sys/net/netfilter/nf_conntrack_${protocol}_timeout`);
  for (const rule of rules) await net.exec(net.node, "sh", ["-c", rule]);
  for (const iptables of ["iptables", "ip6tables"])
    await net.exec(net.server, iptables, [
      "-A",
      "INPUT",
      "-p",
      "tcp",
      "--dport",
      `${BLOCKED_PORT}`,
      "-j",
      "DROP",
    ]);
}

async function openFlows(net: Network): Promise<void> {
  const [pod1, pod2, pod3] = net.pods;
  for (const namespace of [net.server, pod1, pod2]) await net.traffic(namespace, "serve", PORT);
  await net.traffic(net.server, "swallow", SILENT_PORT);
  await net.traffic(net.server, "hangup", HANGUP_PORT);
  await net.traffic(pod1, "tcp", SERVER_V4, PORT, 2);
  await net.traffic(pod1, "tcp", SERVICE, 80, 1);
  await net.traffic(pod1, "tcp", SERVICE, 81, 1);
  await net.traffic(pod1, "tcp", SERVICE, 82, 1);
  await net.traffic(pod1, "udp", SERVER_V6, PORT, 2);
  await net.traffic(pod1, "ping", SERVER_V4, 0, 2);
  await net.traffic(pod1, "ping", SERVER_V6, 0, 1);
  await net.traffic(pod1, "raw", SERVER_V6, 99, 1);
  await net.traffic(pod1, "raw", SERVER_V4, 47, 1);
  // Accounting holds for flows that begin after it was turned on; what is sent again and again is not counted.
  await net.traffic(pod3, "syn", SERVER_V4, BLOCKED_PORT, 2);
  await net.exec(net.node, "sh", ["-c", "echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct"]);
  await net.traffic(pod2, "tcp", SERVER_V6, PORT, 2);
  await net.traffic(pod2, "udp", SERVER_V4, PORT, 2);
  await net.traffic(pod3, "udp-silent", SERVER_V4, SILENT_PORT, 2);
  await net.traffic(pod3, "close", SERVER_V4, PORT, 2);
  await net.traffic(pod3, "half-close", SERVER_V4, HANGUP_PORT, 1);
  const sctp = "-I -p sctp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 --state ESTABLISHED -t 900";
  await net.exec(net.node, "conntrack", [...sctp.split(" "), "--orig-vtag", "1", "--reply-vtag", "2"]);
}

async function read(source: string, run: readonly string[] = []): Promise<Outcome> {
  const [command, ...args] = [...run, process.execPath, DUMP_ROWS, source];
  const { stdout } = await network.exec(network.node, command, args);
  return JSON.parse(stdout) as Outcome;
}

async function rowsOf(source: string): Promise<Row[]> {
  const outcome = await read(source);
  if ("reasons" in outcome) throw new Error(outcome.reasons.map(({ message }) => message).join("; "));
  return outcome.rows;
}

/** setpriv arguments for a process of uid and gid 65534 without capabilities. */
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];

describe("a live table", () => {
  test("reads the same through netlink, procfs and the conntrack command", async ({ expect }) => {
    const [netlink, procfs, conntrack] = [
      await rowsOf("netlink"),
      await rowsOf("procfs"),
      await rowsOf("conntrack"),
    ];
    expect(comparable(procfs)).toEqual(comparable(netlink));
    expect(comparable(conntrack)).toEqual(comparable(netlink));
  });

  test("timeouts differ between sources by no more than the time between their reads", async ({ expect }) => {
    const key = ({ family, protocol, orig, zone }: Row) => JSON.stringify([family, protocol, orig, zone]);
    const before = new Map((await rowsOf("netlink")).map((row) => [key(row), row.timeout]));
    const gone = (await rowsOf("procfs")).map((row) => (before.get(key(row)) ?? Number.NaN) - row.timeout);
    expect(gone.length).toBeGreaterThan(20);
    expect(gone.filter((seconds) => !(seconds >= 0 && seconds <= 10))).toEqual([]);
  });

  test("holds what was opened, with state, NAT, zone, mark and counters", async ({ expect }) => {
    const rows = await rowsOf("netlink");
    const to = (dst: string, protocol: number, dport?: number) =>
      rows.filter(
        (row) =>
          row.orig.dst === dst && row.protocol === protocol && (dport ?? row.orig.dport) === row.orig.dport,
      );
    const states = (list: Row[]) => list.map((row) => row.state);
    const pod3 = (list: Row[]) => list.filter((row) => row.orig.src === POD_V4[2]);

    expect(states(pod3(to(SERVER_V4, 6, BLOCKED_PORT)))).toEqual([1, 1]);
    expect(states(pod3(to(SERVER_V4, 6, PORT)))).toEqual([7, 7]);
    expect(states(pod3(to(SERVER_V4, 6, HANGUP_PORT)))).toEqual([5]);
    expect(to(SERVICE, 6, 80)[0]?.reply).toMatchObject({ src: SERVER_V4, sport: PORT, dst: NODE_V4 });
    expect(to(SERVICE, 6, 81)[0]?.reply).toMatchObject({ src: POD_V4[1], sport: PORT, dst: POD_V4[0] });
    expect(to(SERVICE, 6, 82)[0]?.reply).toMatchObject({ src: POD_V4[0], sport: PORT, dst: "10.244.0.1" });
    expect(to(SERVER_V4, 1)).toHaveLength(2);
    expect(to(SERVER_V6, 58)).toHaveLength(1);
    expect(to(SERVER_V6, 99)).toHaveLength(1);
    expect(to(SERVER_V4, 47)).toHaveLength(1);
    expect(to("10.0.0.2", 132)).toMatchObject([{ state: 4 }]);
    expect(to(SERVER_V6, 6).map((row) => row.counters?.every((count) => count > 0))).toEqual([true, true]);
    expect(to(SERVER_V4, 17, SILENT_PORT)).toMatchObject([
      { zone: 7, counters: [1, 29, 0, 0] },
      { zone: 7, counters: [1, 29, 0, 0] },
    ]);
    expect(to(SERVER_V4, 17, PORT)).toMatchObject([
      { zoneOrig: 5, mark: -16 },
      { zoneOrig: 5, mark: -16 },
    ]);
  });

  test("without the capability every source says what is missing and what to do", async ({ expect }) => {
    const outcome = await read("auto", NOBODY);
    expect(outcome).toMatchObject({
      reasons: [
        { message: expect.stringContaining("EPERM"), remedy: expect.stringContaining("CAP_NET_ADMIN") },
        {
          message: expect.stringContaining("/proc/net/nf_conntrack"),
          remedy: expect.stringContaining("root"),
        },
        { message: expect.stringContaining("conntrack"), remedy: expect.stringContaining("CAP_NET_ADMIN") },
      ],
    });
  });

  test("root without the capability reads procfs instead", async ({ expect }) => {
    const outcome = await read("auto", ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]);
    expect(outcome).toMatchObject({ name: "procfs", dump: { unreadable: { lines: 0 } } });
  });
});
