import { freshDb } from "#fresh-db";
import { test } from "vitest";
import { nodesIn } from "../../db/queries/nodes.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { aCluster, aDump, aStoredReport, START } from "../support/stored-report.ts";

const named = (name: string) => ({ node: { name } });

test("a node is described by its latest window", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    aStoredReport({ table: { count: 1, max: 1 } }),
    aStoredReport({
      sequence: 1,
      node: { bootId: "second", addresses: ["10.0.0.1", "2001:db8::1"] },
      completeness: {
        source: "procfs",
        events: "lossy",
        blind: ["IPv6"],
        interrupted: false,
        unreadable: { lines: 3, samples: [] },
        overruns: 4,
        opened: "events",
        untracked: 5,
        older: 6,
        forgotten: 7,
      },
      table: { count: 750, max: 1000, buckets: 250 },
      dump: aDump({ entries: 740, unreplied: 4 }),
    }),
  ]);
  expect(await nodesIn(db, 1, { limit: 10 })).toEqual([
    {
      name: "node-1",
      addresses: ["10.0.0.1", "2001:db8::1"],
      bootId: "second",
      agent: "0.1.0",
      kernel: "6.18.1",
      blind: ["IPv6"],
      source: "procfs",
      events: "lossy",
      interrupted: false,
      unreadableLines: 3,
      overruns: 4,
      opened: "events",
      untracked: 5,
      older: 6,
      forgotten: 7,
      firstSeenAt: START + 31_000,
      lastSeenAt: START + 61_000,
      windowFrom: START + 30_000,
      windowTo: START + 60_000,
      count: 750,
      max: 1000,
      buckets: 250,
      entries: 740,
      unreplied: 4,
      utilisation: 0.75,
    },
  ]);
});

test.for([
  ["the count when there is one", { table: { count: 500, max: 1000 }, dump: aDump({ entries: 900 }) }, 0.5],
  ["the dump otherwise", { table: { max: 1000 }, dump: aDump({ entries: 900 }) }, 0.9],
  ["nothing without a limit", { table: { count: 500 } }, null],
  ["nothing with a limit of 0", { table: { count: 500, max: 0 } }, null],
] as const)("utilisation is measured by %s", async ([, report, utilisation], { expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport(report)]);
  expect((await nodesIn(db, 1, { limit: 1 }))[0]?.utilisation).toBe(utilisation);
});

test("a late report neither renames what a newer one said nor becomes the latest", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport({ sequence: 5, node: { agent: "0.2.0" } })]);
  await storeReports(db, [aStoredReport({ sequence: 1, node: { agent: "0.1.0" } })]);
  const [node] = await nodesIn(db, 1, { limit: 1 });
  expect([node?.agent, node?.windowFrom]).toEqual(["0.2.0", START + 150_000]);
});

test("a changed description is taken over", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport()]);
  await storeReports(db, [aStoredReport({ sequence: 1, node: { kernel: "6.19.0" } })]);
  const [node] = await nodesIn(db, 1, { limit: 1 });
  expect([node?.kernel, node?.firstSeenAt]).toEqual(["6.19.0", START + 31_000]);
});

test("of several changes in one batch the newest counts", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  const kernels = ["6.1", "6.3", "6.2"];
  const starts = [1, 3, 2];
  await storeReports(
    db,
    kernels.map((kernel, i) => aStoredReport({ sequence: starts[i] ?? 0, node: { kernel } })),
  );
  expect((await nodesIn(db, 1, { limit: 1 }))[0]?.kernel).toBe("6.3");
});

test("nodes come by name in pages", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(
    db,
    ["c", "a", "b%", "b"].map((name) => aStoredReport(named(name))),
  );
  const names = async (page: { after?: string; limit: number }) =>
    (await nodesIn(db, 1, page)).map(({ name }) => name);
  expect(await names({ limit: 2 })).toEqual(["a", "b"]);
  expect(await names({ after: "b", limit: 2 })).toEqual(["b%", "c"]);
  expect(await names({ after: "c", limit: 2 })).toEqual([]);
});

test("clusters do not see each other's nodes", async ({ expect }) => {
  const db = await freshDb();
  const [a, b] = [await aCluster(db, "a"), await aCluster(db, "b")];
  await storeReports(db, [
    aStoredReport({ clusterId: a, ...named("same"), table: { count: 1 } }),
    aStoredReport({ clusterId: b, ...named("same"), table: { count: 2 } }),
    aStoredReport({ clusterId: b, ...named("only-b") }),
  ]);
  expect((await nodesIn(db, a, { limit: 9 })).map(({ name, count }) => [name, count])).toEqual([["same", 1]]);
  expect((await nodesIn(db, b, { limit: 9 })).map(({ name, count }) => [name, count])).toEqual([
    ["only-b", null],
    ["same", 2],
  ]);
});
