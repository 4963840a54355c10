import { test } from "vitest";
import { aReport, NOW } from "../support/a-report.ts";
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
  return service;
}

test("there is one series a cluster, its nodes added", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "metric=count");
  expect(body.series).toEqual([
    { labels: { cluster: "prod" }, points: [[NOW - 30_000, 31]] },
    { labels: { cluster: "test" }, points: [[NOW - 30_000, 5]] },
  ]);
});

test("by node there is one series each", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "metric=utilisation&cluster=prod&by=node");
  expect(body.series).toEqual([
    { labels: { cluster: "prod", node: "node-1" }, points: [[NOW - 30_000, 0.011]] },
    { labels: { cluster: "prod", node: "node-2" }, points: [[NOW - 30_000, 0.2]] },
  ]);
});

test("a node asked for is the only series", async ({ expect }) => {
  const service = await twoClusters();
  const { body } = await ask(service, "metric=limit&node=node-2");
  expect(body.series).toEqual([
    { labels: { cluster: "prod", node: "node-2" }, points: [[NOW - 30_000, 100]] },
  ]);
});

test.for([
  { query: "since=1h", stepMs: 30_000 },
  { query: "since=6h", stepMs: 120_000 },
  { query: "since=7d", stepMs: 3_600_000 },
  { query: "since=400d", stepMs: 86_400_000 },
  { query: "since=1h&step=5m", stepMs: 300_000 },
  { query: "since=55000s&step=5s", stepMs: 5000 },
])("?$query steps by $stepMs ms", async ({ query, stepMs }, { expect }) => {
  const service = await openService();
  expect((await ask(service, `metric=entries&${query}`)).body.stepMs).toBe(stepMs);
});

test.for([
  { query: "", at: "metric" },
  { query: "metric=speed", at: "metric" },
  { query: "metric=entries&by=pod", at: "by" },
  { query: "metric=entries&step=0s", at: "step" },
  { query: "metric=entries&step=fast", at: "step" },
  { query: "metric=entries&since=55001s&step=5s", at: "step" },
  { query: "metric=entries&step=4s", at: "step" },
  { query: "metric=entries&step=401d", at: "step" },
  { query: "metric=entries&since=never", at: "since" },
  { query: "metric=entries&from=5&to=4", at: "from" },
])("?$query is refused at $at", async ({ query, at }, { expect }) => {
  const service = await openService();
  const { status, body } = await ask(service, query);
  expect(status).toBe(422);
  expect(body.errors.map(({ path }: { path: string[] }) => path)).toContainEqual([at]);
});
