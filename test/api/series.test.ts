import { sql } from "drizzle-orm";
import { test } from "vitest";
import type { Db } from "../../db/client.ts";
import { aReport, aWholeReport, NOW } from "../support/a-report.ts";
import { foldSamples } from "../support/folded-samples.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const ask = (service: Service, query: string) => service.ask("GET", `/v1/series?${query}`, { token: ADMIN });

/** Two nodes of `prod`, one of `test`, with tables 11, 20 and 5 full. */
async function twoClusters(): Promise<Service> {
  const service = await openService();
  const prod = await service.token("ingest", "prod");
  const other = await service.token("ingest", "test");
  const { node } = aReport();
  await service.post(prod, aReport());
  await service.post(prod, aReport({ node: { ...node, name: "node-2" }, table: { count: 20, max: 100 } }));
  await service.post(other, aReport({ table: { count: 5, max: 10 } }));
  await foldSamples(service.db);
  return service;
}

test("there is one series a cluster, its nodes added", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "metric=count");
  expect(body.series).toEqual([
    { labels: { cluster: "prod" }, points: [[NOW - 60_000, 31]] },
    { labels: { cluster: "test" }, points: [[NOW - 60_000, 5]] },
  ]);
});

test("by node there is one series each, the highest peak first, of so many clusters as may be read", async ({
  expect,
}) => {
  const service = await twoClusters();
  const nodes = async (query: string) => {
    const { body } = await ask(service, `metric=utilisation&by=node&${query}`);
    return body.series.map(({ labels, points }: { labels: object; points: unknown }) => [labels, points]);
  };
  const [first, second, test] = [
    [{ cluster: "prod", node: "node-2" }, [[NOW - 60_000, 0.2]]],
    [{ cluster: "prod", node: "node-1" }, [[NOW - 60_000, 0.011]]],
    [{ cluster: "test", node: "node-1" }, [[NOW - 60_000, 0.5]]],
  ];
  expect(await nodes("cluster=prod")).toEqual([first, second]);
  expect(await nodes("")).toEqual([test, first, second]);
  expect(await nodes("limit=2")).toEqual([test, first]);
  expect((await ask(service, "metric=count&by=node&limit=1")).body.omitted).toBe(2);
  expect((await ask(service, "metric=count&by=node&limit=3")).body.omitted).toBe(0);
});

test.for(["metric=count", "metric=count&by=node", "metric=entries&by=address", "metric=entries&port=443"])(
  "clusters are asked one after another, so that what one reads is in memory: %s",
  async (query, { expect }) => {
    const { db } = await twoClusters();
    const under = { way: 0, most: 0 };
    const all = async (statement: Parameters<Db["all"]>[0]) => {
      under.most = Math.max(under.most, ++under.way);
      try {
        return await db.all(statement);
      } finally {
        under.way--;
      }
    };
    const service = await openService({ db: Object.assign(Object.create(db), { all }) });
    expect((await ask(service, query)).status).toBe(200);
    expect(under.most).toBe(1);
  },
);

test("short steps over long ranges of many nodes are refused with what to do instead", async ({ expect }) => {
  const { db, ...service } = await twoClusters();
  await db.run(sql`
    insert into nodes (cluster_id, name, agent, kernel, addresses, blind, first_seen_at, described_at)
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
    select 1, 'more-' || i, '', '', '[]', '[]', 0, 0 from n`);
  const { status, body } = await ask({ db, ...service }, "metric=count&by=node&step=1m&since=24h&limit=10");
  expect([status, body.errors[0].path]).toEqual([422, ["step"]]);
  expect(body.errors[0].message).toContain("use a multiple of 10m");
  expect((await ask({ db, ...service }, "metric=count&by=node&step=10m&since=24h&limit=10")).status).toBe(
    200,
  );
});

test("a node asked for is the only series", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "metric=limit&node=node-2");
  expect(body.series).toEqual([
    { labels: { cluster: "prod", node: "node-2" }, points: [[NOW - 30_000, 100]] },
  ]);
});

test("an answer says how long the slots are that were read, and of which time it is", async ({ expect }) => {
  const service = await twoClusters();
  const windowOf = async (query: string) => (await ask(service, `metric=count&${query}`)).body.window;
  service.clock.now = NOW + 1_000;
  expect(await windowOf("since=1h")).toMatchObject({
    from: "2026-11-21T11:00:00.000Z",
    to: "2026-11-21T12:01:00.000Z",
    tiers: ["minute"],
  });
  expect((await windowOf("since=1h&node=node-1")).tiers).toEqual(["window"]);
  expect((await windowOf("since=1h&step=10m")).tiers).toEqual(["minute", "ten-minutes"]);
  expect((await windowOf("since=30d")).tiers).toEqual(["minute", "ten-minutes", "hour"]);
  expect((await windowOf("since=30d&by=node")).tiers).toEqual(["window", "ten-minutes", "hour"]);
});

test("counts come as rates of the time that reports cover", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.post(token, aWholeReport());
  await foldSamples(service.db);
  const points = async (query: string) =>
    (await ask(service, `metric=opened&${query}`)).body.series[0].points;
  expect(await points("")).toEqual([[NOW - 60_000, 7]]);
  for (const query of ["rate=true", "rate=true&step=1h"])
    expect((await points(query))[0][1]).toBeCloseTo(7 / 30, 10);
  expect((await points("rate=true&node=node-1"))[0]).toEqual([NOW - 30_000, 7 / 30]);
});

test.for([
  { query: "since=1h", stepMs: 60_000 },
  { query: "since=1h&node=node-1", stepMs: 30_000 },
  { query: "since=1h&by=node", stepMs: 60_000 },
  { query: "since=6h", stepMs: 120_000 },
  { query: "since=500m&by=node", stepMs: 300_000 },
  { query: "since=501m&by=node", stepMs: 600_000 },
  { query: "since=24h&by=node", stepMs: 600_000 },
  { query: "since=25h&by=node", stepMs: 600_000 },
  { query: "since=1501m&by=node", stepMs: 1_800_000 },
  { query: "since=7d", stepMs: 3_600_000 },
  { query: "since=400d", stepMs: 86_400_000 },
  { query: "since=1h&step=5m", stepMs: 300_000 },
  { query: "since=55000s&step=5s&node=node-1", stepMs: 5000 },
  // Of then, minutes are no longer kept.
  { query: "from=2026-11-19T11:00:00Z&to=2026-11-19T11:30:00Z", stepMs: 600_000 },
  { query: "from=2026-11-19T11:00:00Z&to=2026-11-19T11:30:00Z&node=node-1", stepMs: 30_000 },
  { query: "from=2026-11-01T11:00:00Z&to=2026-11-01T11:30:00Z&node=node-1", stepMs: 3_600_000 },
  { query: "from=2021-11-01T11:00:00Z&to=2021-11-01T11:30:00Z", stepMs: 86_400_000 },
])("?$query steps by $stepMs ms", async ({ query, stepMs }, { expect }) => {
  const service = await twoClusters();
  expect((await ask(service, `metric=entries&${query}`)).body.stepMs).toBe(stepMs);
});

test.for([
  { query: "", at: "metric" },
  { query: "metric=speed", at: "metric" },
  { query: "metric=entries&by=zone", at: "by" },
  { query: "metric=entries&by=cluster&node=node-1", at: "by" },
  { query: "metric=entries&step=0s", at: "step" },
  { query: "metric=entries&step=fast", at: "step" },
  { query: "metric=entries&since=55001s&step=5s&node=node-1", at: "step" },
  { query: "metric=entries&step=4s&node=node-1", at: "step" },
  { query: "metric=entries&step=401d", at: "step" },
  { query: "metric=entries&step=30s", at: "step" },
  { query: "metric=entries&step=90s", at: "step" },
  { query: "metric=entries&step=5m&since=3d", at: "step" },
  { query: "metric=entries&step=15m&since=3d", at: "step" },
  { query: "metric=entries&step=15m&since=4d&node=node-1", at: "step" },
  { query: "metric=entries&step=30m&since=15d", at: "step" },
  { query: "metric=entries&by=node&since=250001s&step=50s", at: "step" },
  { query: "metric=entries&since=never", at: "since" },
  { query: "metric=entries&from=5&to=4", at: "from" },
  { query: "metric=entries&limit=5", at: "limit" },
  { query: "metric=entries&by=node&limit=1001", at: "limit" },
  { query: "metric=entries&aggregate=sum", at: "aggregate" },
  { query: "metric=opened&aggregate=max", at: "aggregate" },
  { query: "metric=utilisation&aggregate=avg", at: "aggregate" },
  { query: "metric=entries&rate=true", at: "rate" },
  { query: "metric=opened&rate=yes", at: "rate" },
])("?$query is refused at $at", async ({ query, at }, { expect }) => {
  const service = await openService();
  const { status, body } = await ask(service, query);
  expect(status).toBe(422);
  expect(body.errors.map(({ path }: { path: string[] }) => path)).toContainEqual([at]);
});

test("as much as may be asked for is answered", async ({ expect }) => {
  const service = await twoClusters();
  for (const query of [
    "since=2d&step=1m",
    "since=14d&step=10m",
    "since=3d&step=45s&node=node-1",
    "by=node&since=250000s&step=50s",
    "by=node&limit=1000",
  ])
    expect([query, (await ask(service, `metric=count&${query}`)).status]).toEqual([query, 200]);
});

/** Half a minute of two owners' flows on each of two clusters, one of them twice as busy. */
async function owned(): Promise<Service> {
  const service = await openService();
  for (const [cluster, times] of [
    ["prod", 1],
    ["test", 2],
  ] as const) {
    const { flows, ...report } = aWholeReport();
    const busier = <Part extends { opened?: number[] | undefined }>(part: Part | undefined) =>
      part && { ...part, opened: part.opened?.map((count) => count * times) };
    const { status } = await service.post(await service.token("ingest", cluster), {
      ...report,
      flows: { ...flows, talkers: busier(flows?.talkers), groups: busier(flows?.groups) },
    });
    if (status !== 202) throw new Error(`the report of ${cluster} is refused`);
  }
  service.clock.now = NOW + 1_000;
  await service.tick();
  return service;
}

const AT = NOW - 60_000;
const web = {
  namespace: "shop",
  pod: "web-7d4b-x",
  kind: "pod",
  workloadKind: "Deployment",
  workload: "web",
  node: "node-1",
};

test("by pod there is a series each of those with most, and one of all others of each cluster", async ({
  expect,
}) => {
  const service = await owned();
  const { body } = await ask(service, "metric=opened&by=pod&limit=2");
  expect(body.series).toEqual([
    { labels: { cluster: "prod", ...web }, points: [[AT, 5]] },
    { labels: { cluster: "prod" }, remainder: true, points: [[AT, 2]] },
    { labels: { cluster: "test", ...web }, points: [[AT, 10]] },
    { labels: { cluster: "test" }, remainder: true, points: [[AT, 4]] },
  ]);
  expect([body.stepMs, body.lack, body.omitted, body.window.tiers]).toEqual([60_000, 0, 2, ["minute"]]);
});

test("where all have a series there is none of the others", async ({ expect }) => {
  const service = await owned();
  const { body } = await ask(service, "metric=opened&by=pod&pod=web-7d4b-x");
  expect(body.series).toEqual([
    { labels: { cluster: "prod", ...web }, points: [[AT, 5]] },
    { labels: { cluster: "test", ...web }, points: [[AT, 10]] },
  ]);
});

test.for([
  { query: "metric=opened&by=workload&workload=web", labels: { workload: "web" }, value: 5 },
  { query: "metric=entries&by=address&source=10.244.0.12", labels: { address: "10.244.0.12" }, value: 3 },
  { query: "metric=bytes&by=peer&port=443", labels: { port: 443, protocol: "tcp" }, value: 30 },
  { query: "metric=bytes&by=node", labels: { node: "node-1" }, value: 937 },
  { query: "metric=bytes", labels: {}, value: 937 },
  { query: "metric=opened&pod=web-7d4b-x", labels: {}, value: 5 },
  { query: "metric=opened&pod=web-7d4b-x&rate=true", labels: {}, value: 5 / 30 },
  { query: "metric=opened&namespace=shop", labels: {}, value: 5 },
  { query: "metric=packets&protocol=udp", labels: {}, value: 1 },
  { query: "metric=entries&nat=snat", labels: {}, value: 7 },
  { query: "metric=entries&source=10.244.0.11&node=node-1", labels: { node: "node-1" }, value: 7 },
  { query: "metric=unreplied&by=cluster&peer=192.168.50.20", labels: {}, value: 2 },
])("?$query is of those flows alone", async ({ query, labels, value }, { expect }) => {
  const service = await owned();
  const { body } = await ask(service, `cluster=prod&${query}`);
  expect(body.series[0]).toMatchObject({ labels: { cluster: "prod", ...labels } });
  expect(body.series[0].points).toEqual([[AT, expect.closeTo(value, 10)]]);
});

test.for([
  { query: "metric=count&by=pod", at: "metric" },
  { query: "metric=utilisation&pod=web", at: "metric" },
  { query: "metric=peers", at: "metric" },
  { query: "metric=entries&by=flow", at: "by" },
  { query: "metric=entries&by=pod&aggregate=avg", at: "aggregate" },
  { query: "metric=bytes&aggregate=max", at: "aggregate" },
  { query: "metric=entries&by=pod&rate=true", at: "rate" },
  { query: "metric=entries&by=pod&limit=101", at: "limit" },
  { query: "metric=entries&pod=web&limit=5", at: "limit" },
  { query: "metric=entries&pod=web&node=node-1&step=30s", at: "step" },
  { query: "metric=entries&port=65536", at: "port" },
])("?$query does not go together: $at", async ({ query, at }, { expect }) => {
  const service = await openService();
  const { status, body } = await ask(service, query);
  expect([status, body.errors.map(({ path }: { path: string[] }) => path)]).toEqual([422, [[at]]]);
});
