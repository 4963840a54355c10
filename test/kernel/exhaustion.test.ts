import { afterAll, beforeAll, beforeEach, test } from "vitest";
import type { Report } from "../../api/wire.ts";
import { flowsIn } from "../support/conntrack-lines.ts";
import { missing, NODE_V4, type Network, openNetwork, POD_V4, SERVER_V4 } from "../support/namespaces.ts";
import { sumStatistics } from "../support/statistics.ts";
import { type Collector, openCollector, startAgent } from "./agents.ts";

const PORT = 9;
const NAT_PORTS = 100;
/** Flows each Pod tries, one Pod after the other: the last gets what the others have left. */
const TRIED = [40, 35, 225] as const;
const GOT = [40, 35, 25] as const;
const REFUSED = 200;

const reason = missing();
let network: Network;
let collector: Collector;

const onNode = (line: string) => network.exec(network.node, "sh", ["-c", line]);
const statistics = async () => sumStatistics((await onNode("cat /proc/net/stat/nf_conntrack")).stdout);

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  const range = `${NODE_V4}:40000-${40_000 + NAT_PORTS - 1}`;
  await onNode(`iptables -t nat -I POSTROUTING -o outside -p udp -j SNAT --to-source ${range}`);
  await network.traffic(network.server, "swallow", PORT);
  collector = await openCollector(network);
  await startAgent(network).said("started");
});
afterAll(() => network?.dispose());
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** Occupied (NAT address, protocol, peer), by whom. */
function occupied({ flows, ports }: Report) {
  const address = (index: number | undefined) => flows!.addresses[index ?? -1];
  return ports!.used.map((used, row) => ({
    nat: address(ports!.natAddress[row]),
    protocol: ports!.protocol[row],
    peer: `${address(ports!.peer[row])}:${ports!.peerPort[row]}`,
    used,
    sources: ports!.sources[row],
    shares: Object.fromEntries(
      ports!.shares.row.flatMap((of, at) =>
        of === row ? [[address(ports!.shares.source[at]), ports!.shares.used[at]]] : [],
      ),
    ),
  }));
}

test("NAT ports that run out are counted with who holds them, and so is what the kernel refused for it", async ({
  expect,
}) => {
  const before = await statistics();
  for (const [pod, tried] of TRIED.entries())
    await network.traffic(network.pods[pod]!, "udp-silent", SERVER_V4, PORT, tried, 10_000 + 1_000 * pod);
  const after = await statistics();
  const report = await collector.reportAfter();

  const { stdout } = await onNode(`conntrack -L -p udp -d ${SERVER_V4} -o extended`);
  const shares = Object.fromEntries(
    [...Map.groupBy(flowsIn(stdout), ({ source }) => source)].map(([source, own]) => [source, own.length]),
  );
  expect(shares).toEqual(Object.fromEntries(GOT.map((got, pod) => [POD_V4[pod], got])));
  const peer = `${SERVER_V4}:${PORT}`;
  const full = { nat: NODE_V4, protocol: 17, peer, used: NAT_PORTS, sources: 3, shares };
  expect(occupied(report)).toEqual([full]);

  const counted = (name: "insertFailed" | "drop" | "found") =>
    collector.reports.reduce((sum, { counters }) => sum + counters!.statistics[name]!, 0);
  const risen = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  expect([counted("insertFailed"), counted("drop")]).toEqual([REFUSED, REFUSED]);
  expect([counted("insertFailed"), counted("drop")]).toEqual([risen("insert_failed"), risen("drop")]);
  expect(counted("found")).toBe(risen("found"));
  expect(counted("found")).toBeGreaterThan(10 * REFUSED);
  expect(report.table.count).toBeLessThan(2 * NAT_PORTS);
  expect(collector.reports.map(({ counters }) => counters!.log?.tableFull ?? 0)).not.toContain(1);
});
