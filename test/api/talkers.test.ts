import { test } from "vitest";
import { aDumpOf, aReport, NOW, someFlows } from "../support/a-report.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

async function ask(service: Service, query: string) {
  await service.tick();
  return service.ask("GET", `/v1/talkers?${query}`, { token: ADMIN });
}
const names = (rows: { cluster: string; address: string }[]) =>
  rows.map(({ cluster, address }) => `${cluster} ${address}`);

/** A report in which each of `entries` is what one source holds, from 10.0.0.1 on. */
function reportOf(entries: number[]) {
  const rows = entries.map((_, row) => row);
  const none = rows.map(() => 0);
  return aReport({
    dump: aDumpOf(entries.reduce((sum, count) => sum + count, 0)),
    flows: someFlows({
      addresses: [...rows.map((row) => `10.0.0.${row + 1}`), "192.0.2.1"],
      talkers: { source: rows, entries, snatEntries: none, unreplied: none, peers: rows.map(() => 1) },
      groups: {
        source: rows,
        peer: rows.map(() => rows.length),
        peerPort: rows.map(() => 443),
        protocol: rows.map(() => 6),
        nat: rows.map(() => "none" as const),
        natAddress: rows.map(() => null),
        entries,
        unreplied: none,
      },
    }),
  });
}

async function twoClusters(): Promise<Service> {
  const service = await openService();
  await service.post(await service.token("ingest", "east"), reportOf([50, 20, 10]));
  await service.post(await service.token("ingest", "west"), reportOf([40, 30, 2, 2]));
  return service;
}

test("flow groups are named with protocol, NAT address and shares", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const { body } = await ask(service, "by=flow&cluster=prod");
  expect(body).toMatchObject({ by: "flow", metric: "entries", exact: true, lack: {}, missing: {} });
  expect(body.talkers).toEqual([
    {
      cluster: "prod",
      source: "10.244.0.11",
      peer: "192.168.50.20",
      peerPort: 5432,
      protocol: "tcp",
      nat: "snat",
      natAddress: "192.168.50.10",
      zone: 0,
      owner: null,
      node: "node-1",
      peerOwner: null,
      entries: 7,
      snatEntries: 7,
      unreplied: 2,
      share: 0.7,
    },
    expect.objectContaining({
      source: "10.244.0.12",
      peer: "10.96.0.10",
      protocol: "udp",
      natAddress: null,
      entries: 2,
    }),
    expect.objectContaining({ source: "10.244.0.12", peerPort: 443, entries: 1, share: 0.1 }),
  ]);
});

test.for([
  { filter: "source=10.244.0.12", flows: 2 },
  { filter: "peer=192.168.50.20", flows: 2 },
  { filter: "port=53", flows: 1 },
  { filter: "protocol=udp", flows: 1 },
  { filter: "protocol=17", flows: 1 },
  { filter: "protocol=TCP&nat=none", flows: 1 },
  { filter: "nat=snat", flows: 1 },
  { filter: "nat=both", flows: 0 },
  { filter: "node=node-1", flows: 3 },
  { filter: "peer=::ffff:0:0", flows: 0 },
])("of three flow groups $flows are those with $filter", async ({ filter, flows }, { expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const { status, body } = await ask(service, `by=flow&${filter}`);
  expect([status, body.talkers.length]).toEqual([200, flows]);
});

test("an address may be written in another way than it was reported", async ({ expect }) => {
  const service = await openService();
  const flows = someFlows({
    addresses: ["2001:db8::1", "10.244.0.12", "192.168.50.10", "192.168.50.20", "10.96.0.10"],
  });
  await service.post(await service.token("ingest", "prod"), aReport({ flows }));
  const { body } = await ask(service, "by=flow&source=2001:0DB8:0:0:0:0:0:1");
  expect(body.talkers).toMatchObject([{ source: "2001:db8::1" }]);
});

test("over several clusters the largest rows of all are listed, each with its cluster", async ({
  expect,
}) => {
  const service = await twoClusters();
  const { body } = await ask(service, "limit=3");
  expect(names(body.talkers)).toEqual(["east 10.0.0.1", "west 10.0.0.1", "west 10.0.0.2"]);
});

test("over several clusters rows and remainder add up to the total, and shares to one", async ({
  expect,
}) => {
  const service = await twoClusters();
  for (const limit of [1, 2, 3, 6, 7, 500]) {
    const { body } = await ask(service, `limit=${limit}`);
    const sum = (field: string) =>
      body.talkers.reduce(
        (total: number, row: Record<string, number>) => total + row[field]!,
        body.remainder[field],
      );
    expect([limit, sum("entries")]).toEqual([limit, body.total.entries]);
    expect(sum("share")).toBeCloseTo(1, 12);
    expect(body.talkers.length + body.remainder.rows).toBe(7);
  }
});

test("a share of several clusters is of the entries of all of them", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "limit=2");
  expect(body.talkers.map(({ share }: { share: number }) => share)).toEqual(
    [50 / 154, 40 / 154].map((share) => expect.closeTo(share, 12)),
  );
});

test("rows are ranked by the metric asked for", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const { body } = await ask(service, "metric=peers&limit=1");
  expect(body).toMatchObject({
    metric: "peers",
    rankedBy: "peers",
    talkers: [{ address: "10.244.0.12", peers: 2 }],
  });
});

test.for(["by=address", "by=flow"])(
  "what nobody counts ranks nothing: entries do, ?%s",
  async (by, { expect }) => {
    const service = await openService();
    await service.post(await service.token("ingest", "east"), reportOf([2, 20, 10]));
    await service.post(await service.token("ingest", "west"), reportOf([4, 28]));
    for (const metric of ["opened", "closed", "bytes", "packets"]) {
      const { body } = await ask(service, `${by}&metric=${metric}&limit=3`);
      expect(body).toMatchObject({ metric, rankedBy: "entries", exact: true, lack: {} });
      expect(body.talkers.map(({ entries, share }: Record<string, number>) => [entries, share])).toEqual(
        [28, 20, 10].map((entries) => [entries, expect.closeTo(entries / 64, 12)]),
      );
    }
  },
);

test.for(["by=address", "by=flow"])(
  "a cluster that does not count comes last, without a share, ?%s",
  async (by, { expect }) => {
    const service = await openService();
    const counted = reportOf([10, 20]);
    Object.assign(counted.flows!.groups, { bytes: [30, 10] });
    Object.assign(counted.flows!.groupRemainder, { bytes: 0 });
    await service.post(await service.token("ingest", "east"), reportOf([5, 9]));
    await service.post(await service.token("ingest", "west"), counted);
    const { body } = await ask(service, `${by}&metric=bytes&limit=3`);
    expect(body.rankedBy).toBe("bytes");
    const rows = body.talkers.map(({ cluster, entries, share }: Record<string, unknown>) => [
      cluster,
      entries,
      share,
    ]);
    expect(rows).toEqual([
      ["west", 10, 0.75],
      ["west", 20, 0.25],
      ["east", 9, 0],
    ]);
  },
);

test("a cluster of which nothing is known in the range takes nothing from the totals of the others", async ({
  expect,
}) => {
  const service = await twoClusters();
  const whole = await ask(service, "limit=2");
  await service.token("ingest", "empty");
  const { talkers, total, remainder } = (await ask(service, "limit=2")).body;
  expect([talkers, total, remainder]).toEqual([whole.body.talkers, whole.body.total, whole.body.remainder]);
  expect(total).toMatchObject({ rows: 7, entries: 154 });
});

test("a cluster of which nothing matches takes nothing from the totals of the others", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "by=flow&source=10.0.0.4");
  expect(body.talkers).toMatchObject([{ cluster: "west", entries: 2, share: 1 }]);
  expect(body.total).toMatchObject({ rows: 1, entries: 2 });
});

test.for(["talkers?", "series?metric=count&", "series?metric=entries&by=address&", "sysctls?"])(
  "a node that no cluster asked knows is said to be none: %s",
  async (route, { expect }) => {
    const service = await openService();
    await service.post(await service.token("ingest", "prod"), aReport());
    await service.token("ingest", "other");
    const of = (query: string) => service.ask("GET", `/v1/${route}${query}`, { token: ADMIN });
    const statuses = [];
    for (const query of ["node=node-1", "node=node-1&cluster=prod", "node=nope", "node=node-1&cluster=other"])
      statuses.push((await of(query)).status);
    expect(statuses).toEqual([200, 200, 404, 404]);
    expect((await of("node=nope")).body.detail).toBe("No cluster asked knows a node of that name.");
    const other = await service.ask("GET", `/v1/${route}node=node-1`, {
      token: await service.token("read", "other"),
    });
    expect(other.status).toBe(404);
  },
);

test("without reports the answer is empty and whole", async ({ expect }) => {
  const service = await openService();
  await service.token("ingest", "prod");
  const { status, body } = await ask(service, "cluster=prod");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    talkers: [],
    remainder: { rows: 0, share: 0 },
    total: { rows: 0 },
    exact: true,
    window: { coveredSeconds: 0, tier: "minute" },
  });
});

test("without any cluster the answer is empty too", async ({ expect }) => {
  const service = await openService();
  const { status, body } = await ask(service, "by=flow");
  expect([status, body.talkers]).toEqual([200, []]);
});

test.for([
  { query: "", from: "2026-11-21T11:00:00.000Z", to: "2026-11-21T12:00:00.000Z" },
  { query: "since=30s", from: "2026-11-21T11:59:00.000Z", to: "2026-11-21T12:00:00.000Z" },
  { query: "since=7d", from: "2026-11-14T12:00:00.000Z", to: "2026-11-21T12:00:00.000Z" },
  { query: "since=400d", from: "2025-10-17T12:00:00.000Z", to: "2026-11-21T12:00:00.000Z" },
  { query: "to=2026-11-21T10:00:00Z", from: "2026-11-21T09:00:00.000Z", to: "2026-11-21T10:00:00.000Z" },
  {
    query: "since=2h&to=2026-11-21T12:00:00%2B02:00",
    from: "2026-11-21T08:00:00.000Z",
    to: "2026-11-21T10:00:00.000Z",
  },
  { query: `from=${NOW - 1}&to=${NOW}`, from: "2026-11-21T11:59:00.000Z", to: "2026-11-21T12:00:00.000Z" },
  {
    query: "from=2026-11-10T00:03:00Z&to=2026-11-10T00:04:00Z",
    from: "2026-11-10T00:00:00.000Z",
    to: "2026-11-10T00:10:00.000Z",
  },
])("the window that was read for ?$query is told", async ({ query, from, to }, { expect }) => {
  const service = await openService();
  await service.token("ingest", "prod");
  expect((await ask(service, query)).body.window).toMatchObject({ from, to });
});

test("which slots were read where is told, and how much of them reports cover", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const { body } = await ask(service, "since=2h");
  expect(body.window).toEqual({
    from: "2026-11-21T10:00:00.000Z",
    to: "2026-11-21T12:00:00.000Z",
    coveredSeconds: 30,
    tier: "minute",
    pieces: [
      { tier: "hour", from: "2026-11-21T10:00:00.000Z", to: "2026-11-21T11:00:00.000Z" },
      { tier: "ten-minutes", from: "2026-11-21T11:00:00.000Z", to: "2026-11-21T11:50:00.000Z" },
      { tier: "minute", from: "2026-11-21T11:50:00.000Z", to: "2026-11-21T12:00:00.000Z" },
    ],
  });
});

test("what no tick has folded yet is not covered", async ({ expect }) => {
  const service = await openService();
  await service.post(await service.token("ingest", "prod"), aReport());
  const { body } = await service.ask("GET", "/v1/talkers", { token: ADMIN });
  expect([body.talkers, body.window.coveredSeconds]).toEqual([[], 0]);
  expect([body.exact, body.window.foldedUntil]).toEqual([false, "2026-11-21T11:59:00.000Z"]);
  const series = await service.ask("GET", "/v1/series?metric=count", { token: ADMIN });
  expect(series.body.window.foldedUntil).toBe("2026-11-21T11:59:00.000Z");
  const flows = await service.ask("GET", "/v1/series?metric=entries&by=address", { token: ADMIN });
  expect(flows.body.window.foldedUntil).toBe("2026-11-21T11:59:00.000Z");
  const before = await service.ask("GET", "/v1/talkers?to=2026-11-21T11:59:00Z", { token: ADMIN });
  expect([before.body.exact, "foldedUntil" in before.body.window]).toEqual([true, false]);
  const node = await service.ask("GET", "/v1/talkers?node=node-1", { token: ADMIN });
  expect([node.body.exact, "foldedUntil" in node.body.window]).toEqual([true, false]);
  const folded = (await ask(service, "")).body;
  expect([folded.window.coveredSeconds, folded.exact]).toEqual([30, true]);
  expect(folded.window).not.toHaveProperty("foldedUntil");
});

test.for([
  { query: "by=cluster", at: "by" },
  { query: "format=xml", at: "format" },
  { query: "pod=", at: "pod" },
  { query: "namespace=", at: "namespace" },
  { query: "by=peer&metric=peers", at: "metric" },
  { query: "by=pod&metric=peers&port=53", at: "metric" },
  { query: "by=address&metric=peers&namespace=shop", at: "metric" },
  { query: "metric=size", at: "metric" },
  { query: "by=flow&metric=peers", at: "metric" },
  { query: "limit=0", at: "limit" },
  { query: "limit=501", at: "limit" },
  { query: "limit=-1", at: "limit" },
  { query: "limit=1.5", at: "limit" },
  { query: "limit=1e1", at: "limit" },
  { query: "limit=", at: "limit" },
  { query: "limit=1&limit=2", at: "limit" },
  { query: "cluster=Prod", at: "cluster" },
  { query: "cluster=a%27;drop", at: "cluster" },
  { query: "node=", at: "node" },
  { query: "source=10.0.0", at: "source" },
  { query: "source=10.0.0.256", at: "source" },
  { query: "peer=fe80::1%25eth0", at: "peer" },
  { query: "peer=::1::", at: "peer" },
  { query: "port=65536", at: "port" },
  { query: "port=http", at: "port" },
  { query: "protocol=256", at: "protocol" },
  { query: "protocol=tcpp", at: "protocol" },
  { query: "nat=masquerade", at: "nat" },
  { query: "since=0s", at: "since" },
  { query: "since=1w", at: "since" },
  { query: "since=-1h", at: "since" },
  { query: "since=401d", at: "since" },
  { query: "since=1h&from=5", at: "since" },
  { query: "from=yesterday", at: "from" },
  { query: "from=2026-11-21", at: "from" },
  { query: "from=2026-02-30T00:00:00Z", at: "from" },
  { query: "from=-5", at: "from" },
  { query: "from=9999999999999999", at: "from" },
  { query: `from=${NOW}&to=${NOW}`, at: "from" },
  { query: `from=${NOW + 1}`, at: "from" },
  { query: "from=0", at: "from" },
  { query: "to=2026-11-21T25:00:00Z", at: "to" },
])("?$query is refused at $at", async ({ query, at }, { expect }) => {
  const service = await openService();
  const { status, body } = await ask(service, query);
  expect([status, body.type]).toEqual([422, "urn:conntrail:problem:invalid"]);
  expect(body.errors.map(({ path }: { path: string[] }) => path)).toContainEqual([at]);
});

test.for([
  {
    query: "from=1795259400",
    message: "reaches back over 400 days: it looks like epoch seconds, milliseconds are meant",
  },
  {
    query: "from=9999999999",
    message: "reaches back over 400 days: it looks like epoch seconds, milliseconds are meant",
  },
  { query: "from=10000000000", message: "reaches back over 400 days" },
  { query: "from=0", message: "reaches back over 400 days" },
  { query: "since=1h30m", message: "not a duration in one unit such as 90s, 15m, 1h or 7d" },
  {
    query: "from=2026-11-21",
    message: "neither an RFC 3339 instant such as 2026-11-21T12:00:00Z nor epoch milliseconds",
  },
  { query: "by=node&metric=peers", message: "nobody counts peers by node" },
  { query: "by=pod&metric=peers&port=53", message: "nobody counts peers by pod, so narrowed" },
])("?$query is refused with what to do: $message", async ({ query, message }, { expect }) => {
  const service = await openService();
  const { body } = await service.ask("GET", `/v1/talkers?${query}`, { token: ADMIN });
  expect(body.errors.map((error: { message: string }) => error.message)).toEqual([message]);
});

test.for([
  "/v1/talkers?proto=udp",
  "/v1/series?metric=entries&proto=udp",
  "/v1/clusters?proto=udp",
  "/v1/tokens?proto=udp",
])("a parameter with a slip of the pen is not passed over: %s", async (path, { expect }) => {
  const service = await openService();
  const { status, body } = await service.ask("GET", path, { token: ADMIN });
  expect([status, body.errors]).toEqual([422, [{ path: ["proto"], message: "is not known here" }]]);
});
