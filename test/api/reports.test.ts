import { test } from "vitest";
import { aReport, NOW } from "../support/a-report.ts";
import { ADMIN, openService, storedWindows } from "../support/service.ts";

test("a report is stored, and counts in the answers at once", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const { status, body } = await service.post(token, aReport());
  expect([status, body]).toEqual([202, { stored: true }]);
  const talkers = await service.ask("GET", "/v1/talkers?cluster=prod&node=node-1", { token: ADMIN });
  expect(talkers.body.talkers).toMatchObject([
    {
      cluster: "prod",
      address: "10.244.0.11",
      entries: 7,
      snatEntries: 7,
      unreplied: 2,
      peers: 1,
      share: 0.7,
    },
    {
      cluster: "prod",
      address: "10.244.0.12",
      entries: 3,
      snatEntries: 0,
      unreplied: 0,
      peers: 2,
      share: 0.3,
    },
  ]);
});

test("a report sent twice is stored once", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.post(token, aReport({ sequence: 7 }));
  const { status, body } = await service.post(token, aReport({ sequence: 7 }));
  expect([status, body]).toEqual([200, { duplicate: true }]);
  expect(await storedWindows(service, "prod")).toBe(1);
});

test("a report sent ten times at once is stored once", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const answers = await Promise.all(Array.from({ length: 10 }, () => service.post(token, aReport())));
  expect(answers.map(({ status }) => status).filter((status) => status === 202)).toHaveLength(1);
  expect(await storedWindows(service, "prod")).toBe(1);
});

test("the cluster of a report is that of the token, whatever the body says", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.token("ingest", "test");
  await service.post(token, { ...aReport(), cluster: "test" });
  expect(await storedWindows(service, "prod")).toBe(1);
  expect(await storedWindows(service, "test")).toBe(0);
});

test("two clusters may have nodes and sequences of the same name", async ({ expect }) => {
  const service = await openService();
  const prod = await service.token("ingest", "prod");
  const other = await service.token("ingest", "test");
  expect((await service.post(prod, aReport())).status).toBe(202);
  expect((await service.post(other, aReport())).status).toBe(202);
});

test("fields nobody knows are ignored, at every depth", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const report = aReport();
  const strange = {
    ...report,
    later: { deep: [1, 2] },
    node: { ...report.node, zone: "a" },
    flows: { ...report.flows, talkers: { ...report.flows?.talkers, mood: ["good"] } },
  };
  expect((await service.post(token, strange)).status).toBe(202);
});

test("a node without a dump reports its gauges alone", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const { dump: _, flows: __, ...gauges } = aReport({ table: { count: 5, max: 10 } });
  expect((await service.post(token, gauges)).status).toBe(202);
  const { body } = await service.ask("GET", "/v1/clusters/prod/nodes", { token: ADMIN });
  expect(body.nodes).toMatchObject([{ name: "node-1", count: 5, utilisation: 0.5, entries: null }]);
});

test.for([
  { what: "exactly five minutes ahead", shift: 300_000, status: 202 },
  { what: "a millisecond over five minutes ahead", shift: 300_001, status: 422, path: ["window", "to"] },
  { what: "exactly 72 hours old", shift: -72 * 3_600_000 + 30_000, status: 202 },
  { what: "older by a millisecond", shift: -72 * 3_600_000 + 29_999, status: 422, path: ["window", "from"] },
  { what: "a year old", shift: -365 * 86_400_000, status: 422, path: ["window", "from"] },
])("a window $what is answered $status", async ({ shift, status, path }, { expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const window = { from: NOW - 30_000 + shift, to: NOW + shift };
  const answer = await service.post(token, aReport({ window }));
  expect(answer.status).toBe(status);
  expect(answer.body.errors?.map(({ path }: { path: unknown }) => path)).toEqual(path && [path]);
});
