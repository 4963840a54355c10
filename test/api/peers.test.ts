import { test } from "vitest";
import { NOW } from "../support/a-report.ts";
import { API, DATABASE, JOB, NODE_1, NODE_2, post, reportOf, WEB } from "../support/peer-report.ts";
import { ADMIN, openService } from "../support/service.ts";

/** Two clusters reach one database: `east` from two nodes, `west` from one. */
async function hammered() {
  const service = await openService();
  await post(
    service,
    "east",
    reportOf(
      [
        { source: WEB.address, natAddress: NODE_1, entries: 40, opened: 90, bytes: 900 },
        { source: WEB.address, natAddress: NODE_1, peer: "203.0.113.10", entries: 500, opened: 500 },
        { source: WEB.address, natAddress: NODE_1, peerPort: 33060, entries: 7, opened: 7 },
        { source: WEB.address, natAddress: NODE_1, protocol: 17, entries: 9, opened: 9 },
        { source: "10.244.1.99", entries: 5, opened: 30, bytes: 10 },
      ],
      [WEB],
    ),
    reportOf(
      [
        { source: API.address, natAddress: NODE_2, entries: 20, opened: 300, bytes: 50 },
        { source: JOB.address, natAddress: NODE_2, entries: 10, opened: 60, bytes: 5 },
      ],
      [API, JOB],
      "node-2",
    ),
  );
  await post(
    service,
    "west",
    reportOf(
      [{ source: WEB.address, natAddress: "198.51.100.4", entries: 30, opened: 120, bytes: 1 }],
      [{ ...WEB, name: "shop-1", workload: "shop" }],
    ),
  );
  await service.tick();
  const ask = (query = "", peer = `${DATABASE}:3306`) =>
    service.ask("GET", `/v1/peers/${peer}/sources?${query}`, { token: ADMIN });
  return { service, ask };
}

test("who reaches a peer stands with Pod, cluster, NAT address and rates, the largest first", async ({
  expect,
}) => {
  const { ask } = await hammered();
  const { status, body } = await ask();
  expect(status).toBe(200);
  expect(body).toMatchObject({
    peer: DATABASE,
    port: 3306,
    protocol: "tcp",
    heldBy: [],
    by: "pod",
    metric: "entries",
    rankedBy: "entries",
    exact: true,
    lack: {},
    remainder: { rows: 0, entries: 0, opened: 0, bytes: 0, share: 0 },
    unattributed: { entries: 5, opened: 30, bytes: 10 },
    total: { entries: 105, opened: 600, bytes: 966, openedPerSecond: 20 },
  });
  expect(body.sources).toEqual([
    {
      cluster: "east",
      pod: "web-1",
      kind: "pod",
      namespace: "shop",
      workloadKind: "Deployment",
      workload: "web",
      node: "node-1",
      natAddresses: [NODE_1],
      natAddressCount: 1,
      direct: false,
      entries: 40,
      unreplied: 0,
      opened: 90,
      closed: 0,
      bytes: 900,
      packets: 0,
      openedPerSecond: 3,
      share: expect.closeTo(40 / 105, 12),
    },
    expect.objectContaining({ cluster: "west", pod: "shop-1", natAddresses: ["198.51.100.4"], entries: 30 }),
    expect.objectContaining({ cluster: "east", pod: "api-1", node: "node-2", entries: 20, opened: 300 }),
    expect.objectContaining({ cluster: "east", pod: "job-1", namespace: "batch", workload: null }),
  ]);
});

const names = (rows: Record<string, unknown>[], ...fields: string[]) =>
  rows.map((row) => fields.map((field) => row[field]));

test("rows may be workloads, namespaces, clusters or NAT addresses", async ({ expect }) => {
  const { ask } = await hammered();
  const expected = {
    workload: [
      ["east", "api", 300, 20],
      ["west", "shop", 120, 30],
      ["east", "web", 90, 40],
      ["east", "job-1", 60, 10],
    ],
    namespace: [
      ["east", "shop", 390, 60],
      ["west", "shop", 120, 30],
      ["east", "batch", 60, 10],
    ],
    cluster: [
      ["east", "east", 480, 75],
      ["west", "west", 120, 30],
    ],
    natAddress: [
      ["east", NODE_2, 360, 30],
      ["west", "198.51.100.4", 120, 30],
      ["east", NODE_1, 90, 40],
      ["east", null, 30, 5],
    ],
  };
  for (const [field, rows] of Object.entries(expected)) {
    const by = field === "natAddress" ? "nat-address" : field;
    const { body } = await ask(`by=${by}&metric=opened`);
    expect(names(body.sources, "cluster", field, "opened", "entries")).toEqual(rows);
    expect([by, body.exact, body.remainder.opened]).toEqual([by, true, 0]);
    expect(body.total).toMatchObject({ opened: 600, entries: 105 });
  }
});

test("a cluster stands with its NAT addresses, a NAT address with the nodes that translate to it", async ({
  expect,
}) => {
  const { ask } = await hammered();
  expect((await ask("by=cluster&cluster=east")).body.sources).toMatchObject([
    { cluster: "east", natAddresses: [NODE_1, NODE_2], natAddressCount: 2, direct: true, share: 1 },
  ]);
  const { body } = await ask("by=nat-address&cluster=east");
  expect(names(body.sources, "natAddress", "nodes", "nodeCount")).toEqual([
    [NODE_1, ["node-1"], 1],
    [NODE_2, ["node-2"], 1],
    [null, ["node-1"], 1],
  ]);
});

test("an owner that is a workload of its own stands with its NAT addresses, too", async ({ expect }) => {
  const { ask } = await hammered();
  const { body } = await ask("by=workload&cluster=east");
  expect(names(body.sources, "workloadKind", "workload", "natAddresses")).toEqual([
    ["Deployment", "web", [NODE_1]],
    ["Deployment", "api", [NODE_2]],
    ["Pod", "job-1", [NODE_2]],
  ]);
  const narrowed = await ask(`by=workload&cluster=east&source=${JOB.address}`);
  expect(names(narrowed.body.sources, "workloadKind", "workload")).toEqual([["Pod", "job-1"]]);
});

test("what the limit cuts off is in the remainder, and counts add up to the total", async ({ expect }) => {
  const { ask } = await hammered();
  for (const by of ["pod", "workload", "namespace", "address", "cluster", "nat-address"])
    for (const limit of [1, 2, 3, 500]) {
      const { body } = await ask(`by=${by}&metric=opened&limit=${limit}`);
      const sum = (field: string) =>
        body.sources.reduce(
          (all: number, row: Record<string, number>) => all + row[field]!,
          body.remainder[field] + (body.unattributed?.[field] ?? 0),
        );
      expect([by, limit, sum("opened"), sum("bytes")]).toEqual([by, limit, 600, 966]);
      expect(sum("share")).toBeCloseTo(1, 12);
    }
});

const ASKED = [
  ["", `${DATABASE}:33060`, [["web-1", 7]]],
  ["protocol=udp", `${DATABASE}:3306`, [["web-1", 9]]],
  ["protocol=17", `${DATABASE}:3306`, [["web-1", 9]]],
  [
    "cluster=east",
    DATABASE,
    [
      ["web-1", 47],
      ["api-1", 20],
      ["job-1", 10],
    ],
  ],
  ["namespace=batch", `${DATABASE}:3306`, [["job-1", 10]]],
  ["workload=api", `${DATABASE}:3306`, [["api-1", 20]]],
  ["pod=job-1&namespace=batch", `${DATABASE}:3306`, [["job-1", 10]]],
  [
    "node=node-2",
    `${DATABASE}:3306`,
    [
      ["api-1", 20],
      ["job-1", 10],
    ],
  ],
  ["source=10.244.2.5", `${DATABASE}:3306`, [["api-1", 20]]],
  ["nat=none", `${DATABASE}:3306`, []],
  ["", "203.0.113.11:3306", []],
  ["", "[::ffff:cb00:7109]:3306", []],
] as const;

test("a question may be narrowed to some ports, protocols, owners, nodes and classes of NAT", async ({
  expect,
}) => {
  const { ask } = await hammered();
  for (const [query, peer, rows] of ASKED) {
    const { status, body } = await ask(query, peer);
    expect([query, peer, status, names(body.sources, "pod", "entries")]).toEqual([query, peer, 200, rows]);
  }
});

test("a path that names no peer is refused, with what it should be", async ({ expect }) => {
  const { ask } = await hammered();
  const wrong = [
    "fd00::9:3306",
    "10.0.0.9:65536",
    "10.0.0.9:",
    "10.0.0:1",
    "mysql:3306",
    "[10.0.0.9]:1",
    "[fd00::9",
    "%00",
    "10.0.0.9:-1",
  ];
  for (const peer of wrong) {
    const { status, body } = await ask("", encodeURIComponent(decodeURIComponent(peer)));
    const errors = [{ path: ["peer"], message: expect.stringContaining("[fd00::9]:3306") }];
    expect([peer, status, body.errors]).toEqual([peer, 422, errors]);
  }
  for (const query of ["limit=0", "limit=501", "metric=peers", "by=peer", "port=1", "peer=10.0.0.9"])
    expect([query, (await ask(query)).status]).toEqual([query, 422]);
  for (const query of ["limit=1", "limit=500"])
    expect([query, (await ask(query)).status]).toEqual([query, 200]);
});

test("a token of one cluster sees its own alone, and none that may not read sees anything", async ({
  expect,
}) => {
  const { service } = await hammered();
  const path = `/v1/peers/${DATABASE}:3306/sources`;
  const west = await service.ask("GET", path, { token: await service.token("read", "west") });
  expect(names(west.body.sources, "cluster", "pod")).toEqual([["west", "shop-1"]]);
  const statuses = [
    await service.ask("GET", `${path}?cluster=east`, { token: await service.token("read", "west") }),
    await service.ask("GET", path, { token: await service.token("ingest", "west") }),
    await service.ask("GET", path),
    await service.ask("GET", `${path}?node=node-9`, { token: ADMIN }),
  ].map(({ status }) => status);
  expect(statuses).toEqual([404, 403, 401, 404]);
});

test("a range without reports has no sources, and says so", async ({ expect }) => {
  const { ask } = await hammered();
  const { body } = await ask(`from=${NOW - 86_400_000}&to=${NOW - 80_000_000}`);
  expect(body).toMatchObject({
    sources: [],
    remainder: { rows: 0, share: 0 },
    window: { coveredSeconds: 0 },
  });
});
