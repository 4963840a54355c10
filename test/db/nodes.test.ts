import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import type { Db } from "../../db/client.ts";
import { LATE_AFTER_MS, nodeNamed, nodesIn, retireNode, SILENT_AFTER_MS } from "../../db/queries/nodes.ts";
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
  expect(await nodesIn(db, 1, { limit: 10, now: START + 64_000 })).toEqual([
    {
      name: "node-1",
      state: "live",
      addresses: ["10.0.0.1", "2001:db8::1"],
      bootId: "second",
      bootSeenAt: START + 61_000,
      boots: 2,
      agent: "0.1.0",
      kernel: "6.18.1",
      kubeProxy: null,
      cores: null,
      memoryBytes: null,
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
      retiredAt: null,
      lagMs: 4_000,
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
  expect((await nodesIn(db, 1, { limit: 1, now: START }))[0]?.utilisation).toBe(utilisation);
});

test("a late report neither renames what a newer one said nor becomes the latest", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport({ sequence: 5, node: { agent: "0.2.0" } })]);
  await storeReports(db, [aStoredReport({ sequence: 1, node: { agent: "0.1.0" } })]);
  const [node] = await nodesIn(db, 1, { limit: 1, now: START });
  expect([node?.agent, node?.windowFrom]).toEqual(["0.2.0", START + 150_000]);
});

test("a changed description is taken over", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport()]);
  await storeReports(db, [aStoredReport({ sequence: 1, node: { kernel: "6.19.0" } })]);
  const [node] = await nodesIn(db, 1, { limit: 1, now: START });
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
  expect((await nodesIn(db, 1, { limit: 1, now: START }))[0]?.kernel).toBe("6.3");
});

test("nodes come by name in pages", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(
    db,
    ["c", "a", "b%", "b"].map((name) => aStoredReport(named(name))),
  );
  const names = async (page: { after?: string; limit: number }) =>
    (await nodesIn(db, 1, { ...page, now: START })).map(({ name }) => name);
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
  expect((await nodesIn(db, a, { limit: 9, now: START })).map(({ name, count }) => [name, count])).toEqual([
    ["same", 1],
  ]);
  expect((await nodesIn(db, b, { limit: 9, now: START })).map(({ name, count }) => [name, count])).toEqual([
    ["only-b", null],
    ["same", 2],
  ]);
});

const stateOf = async (db: Db, now: number) => (await nodeNamed(db, 1, "node-1", now))?.state;

const END = START + 30_000;
const RECEIVED = END + 1_000;

test.for([
  ["at the last moment a next window is due", RECEIVED + 30_000, "live"],
  ["as long as that may take", END + 30_000 + LATE_AFTER_MS, "live"],
  ["a moment later", END + 30_000 + LATE_AFTER_MS + 1, "late"],
  ["as long as one may be late", RECEIVED + 30_000 + SILENT_AFTER_MS, "late"],
  ["after that", RECEIVED + 30_000 + SILENT_AFTER_MS + 1, "silent"],
] as const)("%s a node is %s", async ([, now, state], { expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport()]);
  expect(await stateOf(db, now)).toBe(state);
});

test("a node whose clock is behind is late, not silent; one whose clock runs ahead is live", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport({ receivedAt: START + 3_600_000 })]);
  expect(await stateOf(db, START + 3_600_000)).toBe("late");
  await storeReports(db, [aStoredReport({ sequence: 1, receivedAt: START })]);
  const ahead = await nodeNamed(db, 1, "node-1", START);
  expect([ahead?.state, ahead?.lagMs]).toEqual(["live", -60_000]);
});

test("a node whose windows are gone was last seen at the end of its last hour", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport()]);
  await db.run(sql`
    insert into samples (cluster_id, tier, node_id, start, boot, sequence, end)
    select 1, 3, id, ${START}, 0, 0, ${START + 3_600_000} from nodes`);
  await db.run(sql`delete from samples where tier = 0`);
  const node = await nodeNamed(db, 1, "node-1", START + 3_600_000);
  expect([node?.state, node?.lastSeenAt, node?.windowTo, node?.lagMs, node?.bootId]).toEqual([
    "live",
    START + 3_600_000,
    null,
    null,
    null,
  ]);
  await db.run(sql`delete from samples`);
  expect(await stateOf(db, START)).toBe("silent");
});

test("a retired node is not in the list, until a window begins after it was retired", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport(), aStoredReport(named("node-2"))]);
  const listed = async (retired?: boolean) =>
    (await nodesIn(db, 1, { limit: 9, now: START + 60_000, retired })).map(({ name, state }) => [
      name,
      state,
    ]);
  const at = START + 60_000;
  expect(await retireNode(db, 1, "node-1", at)).toBe(true);
  expect(await listed()).toEqual([["node-2", "live"]]);
  expect(await listed(true)).toEqual([
    ["node-1", "retired"],
    ["node-2", "live"],
  ]);
  expect((await nodeNamed(db, 1, "node-1", at))?.retiredAt).toBe(at);
  await storeReports(db, [aStoredReport({ sequence: 1, from: at - 1 })]);
  expect(await listed()).toEqual([["node-2", "live"]]);
  await storeReports(db, [aStoredReport({ sequence: 2, from: at })]);
  expect(await listed()).toEqual([
    ["node-1", "live"],
    ["node-2", "live"],
  ]);
  await retireNode(db, 1, "node-1", at + 1);
  expect(await listed()).toEqual([["node-2", "live"]]);
});

test("a node whose clock is an hour behind is back once it reports SILENT_AFTER_MS after it was retired", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  const at = START + 3_600_000;
  const state = async () => (await nodeNamed(db, 1, "node-1", at + SILENT_AFTER_MS))?.state;
  await storeReports(db, [aStoredReport({ receivedAt: at - 1 })]);
  await retireNode(db, 1, "node-1", at);
  await storeReports(db, [aStoredReport({ sequence: 1, receivedAt: at + SILENT_AFTER_MS - 1 })]);
  expect(await state()).toBe("retired");
  await storeReports(db, [aStoredReport({ sequence: 2, receivedAt: at + SILENT_AFTER_MS })]);
  expect(await state()).toBe("late");
});

test("a node is retired in its own cluster, and only where there is one", async ({ expect }) => {
  const db = await freshDb();
  const [a, b] = [await aCluster(db, "a"), await aCluster(db, "b")];
  await storeReports(db, [aStoredReport({ clusterId: a }), aStoredReport({ clusterId: b })]);
  expect(await retireNode(db, a, "nobody", START)).toBe(false);
  expect(await retireNode(db, a, "node-1", START + 60_000)).toBe(true);
  expect(await nodesIn(db, a, { limit: 9, now: START })).toEqual([]);
  expect(await nodesIn(db, b, { limit: 9, now: START })).toHaveLength(1);
});

test("boots under one name are told apart, the first to report first", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  for (const [sequence, bootId] of ["one", "two", "one"].entries())
    await storeReports(db, [aStoredReport({ sequence, node: { bootId } })]);
  const node = await nodeNamed(db, 1, "node-1", START);
  expect([node?.boots, node?.bootId, node?.bootSeenAt]).toEqual([2, "one", START + 31_000]);
  expect(node?.bootHistory).toEqual([
    { bootId: "one", firstSeenAt: START + 31_000 },
    { bootId: "two", firstSeenAt: START + 61_000 },
  ]);
  expect(await nodeNamed(db, 1, "nobody", START)).toBe(undefined);
});

test("what a node is set to is that of its latest settings", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport(), aStoredReport(named("node-2"))]);
  const before = { kubeProxy: "iptables", cores: 2, memoryBytes: 1024 };
  const after = { kubeProxy: "nftables", cores: 4, memoryBytes: 8_589_934_592 };
  await db.run(sql`
    insert into settings (id, cluster_id, hash, content)
    values (1, 1, 'a', ${JSON.stringify(before)}), (2, 1, 'b', ${JSON.stringify(after)})`);
  await db.run(sql`insert into node_settings values (1, 1, 5, 2), (1, 1, 4, 1)`);
  const [first, second] = await nodesIn(db, 1, { limit: 9, now: START });
  expect(first).toMatchObject(after);
  expect(second).toMatchObject({ kubeProxy: null, cores: null, memoryBytes: null });
});
