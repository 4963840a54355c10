import { afterAll, beforeAll, beforeEach, test } from "vitest";
import type { Report } from "../../api/wire.ts";
import { type Flow, flowsIn, leaseText } from "../support/conntrack-lines.ts";
import { decodeLeases, type Lease } from "../support/leases.ts";
import {
  missing,
  NODE_V4,
  type Network,
  openNetwork,
  POD_V4,
  POD_V6,
  SERVER_V4,
  SERVER_V6,
} from "../support/namespaces.ts";
import { type Collector, openCollector, reportOnce, startAgent } from "./agents.ts";

const PORT = 8080;
const SECOND_NODE_V4 = "192.168.50.11";
/** What each Pod sends from the very same source ports (ids): three times 670 flows to one peer. */
const FLOWS = [
  ["tcp", SERVER_V4, 200],
  ["udp", SERVER_V4, 200],
  ["tcp", SERVER_V6, 150],
  ["udp", SERVER_V6, 110],
  ["ping", SERVER_V4, 6],
  ["ping", SERVER_V6, 4],
] as const;
const WAVE = 3 * 670;

const reason = missing();
let network: Network;
let collector: Collector;

const onNode = (line: string) => network.exec(network.node, "sh", ["-c", line]);
/** Pod by Pod: of two first packets that choose one NAT port at the same moment the kernel drops one. */
async function wave(first: number): Promise<void> {
  for (const pod of network.pods)
    await Promise.all(
      FLOWS.map(([act, server, count]) => network.traffic(pod, act, server, PORT, count, first)),
    );
}

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  // Nothing may expire, and the end of flows that are older than the agent is to be reported too.
  await onNode("echo 1 > /proc/sys/net/netfilter/nf_conntrack_events");
  await onNode(
    "for p in udp icmp icmpv6; do echo 900 > /proc/sys/net/netfilter/nf_conntrack_${p}_timeout; done",
  );
  await network.traffic(network.server, "serve", PORT);
  await wave(30_000);
  collector = await openCollector(network);
  await startAgent(network).said("started");
});
afterAll(() => network?.dispose());
beforeEach((context) => {
  if (reason) context.skip(reason);
});

const isPod = (source: string) => [...POD_V4, ...POD_V6].some((pod) => pod === source);

/** What the Pods have in the table, by the conntrack command. */
async function liveFlows(): Promise<Flow[]> {
  const { stdout } = await onNode("conntrack -L -f ipv4 -o extended; conntrack -L -f ipv6 -o extended");
  return flowsIn(stdout).filter(({ source }) => isPod(source));
}

const sorted = (texts: readonly string[]) => texts.toSorted();
const ofFlows = (flows: readonly Flow[]) => sorted(flows.map((flow) => `${leaseText(flow)} ${flow.zone}`));
const ofLeases = (leases: readonly Lease[]) => sorted(leases.map(({ text, zone }) => `${text} ${zone}`));

/** Leases that began or ended, by reports; with the second of the epoch at which they did. */
const changesIn = (reports: readonly Report[]) =>
  reports.flatMap(({ window, flows, leases }) => {
    const from = Math.floor(window.from / 1000);
    const at = (seconds: number | null | undefined) => (typeof seconds === "number" ? from + seconds : null);
    const rows = leases ? decodeLeases(flows!, leases) : [];
    return rows.map((row) => ({ ...row, opened: at(row.opened), closed: at(row.closed), window }));
  });

/** What an agent without a core to run on hears this much later, in seconds, stands in the next window. */
const HEARD_LATE = 5;
const beganInWindow = ({ opened, window }: ReturnType<typeof changesIn>[number]) =>
  opened !== null && opened >= Math.floor(window.from / 1000) - HEARD_LATE && opened * 1000 <= window.to;

const keyframeOf = ({ flows, keyframe }: Report) => decodeLeases(flows!, keyframe!);

test("the keyframe of an agent that came later has every lease once, and no time nobody saw", async ({
  expect,
}) => {
  const flows = await liveFlows();
  const first = (await collector.until(({ length }) => length > 0))[0]!;
  expect(flows).toHaveLength(WAVE);
  const shifted = flows.filter(({ sourcePort, natPort }) => sourcePort !== natPort);
  expect(shifted.length).toBeGreaterThanOrEqual((2 * WAVE) / 3);
  expect(ofLeases(keyframeOf(first))).toEqual(ofFlows(flows));
  expect(keyframeOf(first).every(({ opened }) => opened === null)).toBe(true);
  expect(first.keyframe).toMatchObject({ part: 0, parts: 1, omitted: 0 });
  expect(first.leases?.natPort).toEqual([]);
});

test.for(["procfs", "conntrack"])(
  "read once through %s, the keyframe is the same",
  async (source, { expect }) => {
    const report = await reportOnce(network, { CONNTRAIL_SOURCE: source });
    expect(report.completeness.source).toBe(source);
    expect(ofLeases(keyframeOf(report))).toEqual(ofFlows(await liveFlows()));
  },
);

test("every lease that begins is told once, with its second, and once when it ends", async ({ expect }) => {
  const before = new Set(ofFlows(await liveFlows()));
  const range = "POSTROUTING -o outside -p udp -j MASQUERADE --to-ports 20000-20999";
  const random = "POSTROUTING -o outside -p tcp -j MASQUERADE --random-fully";
  await onNode(`iptables -t nat -I ${range}; ip6tables -t nat -I ${random}`);
  const began = Date.now();
  await wave(31_000);
  const flows = (await liveFlows()).filter((flow) => !before.has(ofFlows([flow])[0]!));
  expect(flows).toHaveLength(WAVE);
  const ranged = flows.filter(({ family, protocol }) => family === "ipv4" && protocol === 17);
  expect(ranged.every(({ natPort }) => natPort >= 20_000 && natPort <= 20_999)).toBe(true);
  await collector.reportAfter();
  const opened = changesIn(collector.reports);
  expect(ofLeases(opened)).toEqual(ofFlows(flows));
  expect(opened.filter((lease) => !beganInWindow(lease) || lease.closed !== null)).toEqual([]);
  expect(Math.min(...opened.map((lease) => lease.opened!))).toBeGreaterThanOrEqual(Math.floor(began / 1000));

  const told = collector.reports.length;
  await onNode(`conntrack -D -f ipv4 -d ${SERVER_V4}; conntrack -D -f ipv6 -d ${SERVER_V6}`);
  await collector.reportAfter();
  const closed = changesIn(collector.reports.slice(told));
  expect(ofLeases(closed)).toEqual(sorted([...before, ...ofFlows(flows)]));
  const openedAt = new Map(opened.map((lease) => [lease.text, lease.opened]));
  expect(closed.filter((lease) => lease.opened !== (openedAt.get(lease.text) ?? null))).toEqual([]);
  expect(closed.filter((lease) => lease.closed === null || lease.closed < (lease.opened ?? 0))).toEqual([]);
  await onNode(`iptables -t nat -D ${range}; ip6tables -t nat -D ${random}`);
});

test("a NAT port that is used again within a window stands there once for each of its holders", async ({
  expect,
}) => {
  const [pod1, pod2] = network.pods;
  // A window has just begun: all of this is in one.
  await collector.reportAfter();
  const send = async (pod: string, port: number) => {
    (await network.traffic(pod, "udp-silent", SERVER_V4, 9, 1, port)).kill();
    await onNode(`conntrack -D -p udp -d ${SERVER_V4} --sport ${port}`);
  };
  await send(pod1, 45_000);
  await send(pod2, 45_000);
  await send(pod1, 46_000);
  await network.traffic(pod1, "udp-silent", SERVER_V4, 9, 1, 46_000);
  const report = await collector.reportAfter();
  const lease = (port: number, pod: string) => `${NODE_V4}:${port} 17 ${SERVER_V4}:9 ${pod}:${port}`;
  const [first, second] = POD_V4;
  const [open, ended] = [expect.any(Number), expect.any(Number)];
  expect(decodeLeases(report.flows!, report.leases!)).toEqual([
    { text: lease(45_000, first), zone: 0, opened: open, closed: ended },
    { text: lease(46_000, first), zone: 0, opened: open, closed: ended },
    { text: lease(46_000, first), zone: 0, opened: open, closed: null },
    { text: lease(45_000, second), zone: 0, opened: open, closed: ended },
  ]);
});

test("two NAT addresses, and one port that two zones use at once, are kept apart", async ({ expect }) => {
  await onNode(`ip addr add ${SECOND_NODE_V4}/24 dev outside`);
  const snat = `-s ${POD_V4[2]} -j SNAT --to-source ${SECOND_NODE_V4}`;
  await onNode(`iptables -t nat -I POSTROUTING -o outside ${snat}`);
  await onNode("iptables -t raw -A PREROUTING -i pod2 -j CT --zone 7");
  const before = new Set(ofFlows(await liveFlows()));
  const told = collector.reports.length;
  await Promise.all(network.pods.map((pod) => network.traffic(pod, "udp-silent", SERVER_V4, 9, 20, 47_000)));
  const flows = (await liveFlows()).filter((flow) => !before.has(ofFlows([flow])[0]!));
  const report = await collector.reportAfter();
  const ports = Array.from({ length: 20 }, (_, i) => 47_000 + i);
  const expected = ports.flatMap((port) => [
    `${NODE_V4}:${port} 17 ${SERVER_V4}:9 ${POD_V4[0]}:${port} 0`,
    `${NODE_V4}:${port} 17 ${SERVER_V4}:9 ${POD_V4[1]}:${port} 7`,
    `${SECOND_NODE_V4}:${port} 17 ${SERVER_V4}:9 ${POD_V4[2]}:${port} 0`,
  ]);
  expect(ofFlows(flows)).toEqual(sorted(expected));
  expect(ofLeases(changesIn(collector.reports.slice(told)))).toEqual(sorted(expected));
  expect(report.node.addresses).toEqual(expect.arrayContaining([NODE_V4, SECOND_NODE_V4]));
  expect(report.dump?.zones).toEqual([7]);
  const held = keyframeOf(await reportOnce(network));
  expect(ofLeases(held)).toEqual(ofFlows(await liveFlows()));
});
