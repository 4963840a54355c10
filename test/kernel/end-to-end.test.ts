import { afterAll, beforeAll, test } from "vitest";
import { Report } from "../../api/wire.ts";
import { rowsOf } from "../support/flow-rows.ts";
import {
  missing,
  type Network,
  NODE_V4,
  NODE_V6,
  openNetwork,
  POD_V4,
  POD_V6,
  SERVER_V4,
  SERVER_V6,
} from "../support/namespaces.ts";
import { openService, type Service, stop } from "./service.ts";

const reason = missing();
let network: Network;
let service: Service;

/** What each Pod holds open: TCP connections, UDP exchanges, and datagrams that nobody answers. */
const TRAFFIC = [
  { tcp: 40, udp: 12, silent: 5, ping: 3 },
  { tcp: 30, udp: 11, silent: 4, ping: 2 },
  { tcp: 20, udp: 10, silent: 3, ping: 1 },
] as const;

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  // Nothing may expire before it is counted, however slow the machine.
  for (const protocol of ["udp", "icmp", "icmpv6"]) {
    const timeout = `/proc/sys/net/netfilter/nf_conntrack_${protocol}_timeout`;
    await network.exec(network.node, "sh", ["-c", `echo 900 > ${timeout}`]);
  }
  await network.traffic(network.server, "serve", 5432);
  await network.traffic(network.server, "swallow", 9999);
  service = await openService(network);
  for (const [pod, { tcp, udp, silent, ping }] of TRAFFIC.entries()) {
    for (const server of [SERVER_V4, SERVER_V6]) {
      const from = network.pods[pod]!;
      await network.traffic(from, "tcp", server, 5432, tcp);
      await network.traffic(from, "udp", server, 5432, udp);
      await network.traffic(from, "udp-silent", server, 9999, silent);
      await network.traffic(from, "ping", server, 0, ping);
    }
  }
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await network?.dispose();
});

const expectedTalker = (pod: number, address: string) => {
  const { tcp, udp, silent, ping } = TRAFFIC[pod]!;
  const entries = tcp + udp + silent + ping;
  return { address, entries, snatEntries: entries, unreplied: silent, peers: 1 };
};

test("the agent of a node that masquerades makes the API name the exact talkers, and stops cleanly", async (ctx) => {
  if (reason) ctx.skip(reason);
  const { expect } = ctx;
  const agent = service.agent();
  await service.reports(1);

  const talkers = await service.ask("GET", "/v1/talkers?cluster=kernel&node=node-1&since=10m&limit=500");
  expect(talkers.status).toBe(200);
  const rows = talkers.body["talkers"] as { address: string; share: number }[];
  for (const [pod] of TRAFFIC.entries())
    for (const address of [POD_V4[pod]!, POD_V6[pod]!])
      expect(rows.find((row) => row.address === address)).toMatchObject(expectedTalker(pod, address));
  expect(talkers.body["remainder"]).toMatchObject({ entries: 0 });
  expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);

  const flows = await service.ask(
    "GET",
    "/v1/talkers?cluster=kernel&node=node-1&since=10m&by=flow&protocol=tcp&port=5432&limit=500",
  );
  expect(flows.body["talkers"]).toEqual(
    expect.arrayContaining(
      TRAFFIC.flatMap(({ tcp }, pod) => [
        expect.objectContaining({
          source: POD_V4[pod],
          peer: SERVER_V4,
          peerPort: 5432,
          nat: "snat",
          natAddress: NODE_V4,
          entries: tcp,
        }),
        expect.objectContaining({
          source: POD_V6[pod],
          peer: SERVER_V6,
          peerPort: 5432,
          nat: "snat",
          natAddress: NODE_V6,
          entries: tcp,
        }),
      ]),
    ),
  );

  expect(await stop(agent)).toBe(0);
});

test("the series hold the table's fill and limit, the node its addresses", async (ctx) => {
  if (reason) ctx.skip(reason);
  const { expect } = ctx;
  const agent = service.agent();
  await service.reports(1);
  const series = await service.ask("GET", "/v1/series?metric=limit&cluster=kernel&node=node-1&since=10m");
  const points = (series.body["series"] as { points: [number, number][] }[])[0]!.points;
  const { stdout } = await network.exec(network.node, "sysctl", ["-n", "net.netfilter.nf_conntrack_max"]);
  expect(points.at(-1)![1]).toBe(Number(stdout));
  const nodes = await service.ask("GET", "/v1/clusters/kernel/nodes");
  expect((nodes.body["nodes"] as object[])[0]).toMatchObject({
    name: "node-1",
    addresses: expect.arrayContaining([NODE_V4, NODE_V6]),
  });
  expect(await stop(agent)).toBe(0);
});

test.for(["netlink", "procfs", "conntrack"])(
  "read once through %s, the report has every flow",
  async (source, ctx) => {
    if (reason) ctx.skip(reason);
    const { expect } = ctx;
    const { stdout } = await network.exec(network.node, "env", [
      `CONNTRAIL_SOURCE=${source}`,
      process.execPath,
      "agent/main.ts",
      "--once",
      "--json",
    ]);
    const report = Report.parse(JSON.parse(stdout));
    expect(report.completeness.source).toBe(source);
    const rows = new Map(rowsOf(report.flows!).talkers.map(({ source: address, ...row }) => [address, row]));
    for (const [pod] of TRAFFIC.entries())
      for (const address of [POD_V4[pod]!, POD_V6[pod]!]) {
        const { address: _address, ...row } = expectedTalker(pod, address);
        const states = { established: TRAFFIC[pod]!.tcp, idle: 0, closeWait: 0 };
        expect(rows.get(address)).toEqual({ ...row, ...states });
      }
  },
);
