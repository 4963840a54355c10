import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import type { StoredReport } from "../../../db/queries/reports.ts";
import { AGGREGATES, BUCKET_TIERS, DAY, HOUR, MINUTE, slotOf, TEN_MINUTES } from "../../../db/tiers.ts";
import type { Aggregate, BucketTier } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aCluster, aDump, aStoredReport, START } from "../../support/stored-report.ts";

const BEGIN = slotOf(DAY, START);
const MINUTE_MS = 60_000;

type Told = { node?: string; from: number; to: number; count?: number; entries?: number; opened?: number };

let sequence = 0;
function told({ node = "a", from, to, count, entries, opened }: Told): StoredReport {
  sequence += 1;
  return aStoredReport({
    sequence,
    node: { name: node },
    from: BEGIN + from,
    to: BEGIN + to,
    table: { count, max: 1000 },
    ...(entries !== undefined && { dump: aDump({ entries }) }),
    flows: { opened, closed: undefined },
  });
}

async function folded(windows: readonly Told[]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, windows.map(told));
  expect(await upkeepOf(db).tick(BEGIN + 25 * 3_600_000)).toMatchObject({ end: "done" });
  return db;
}

/** What a bucket has of some columns, by aggregate. */
async function bucket(db: Db, tier: BucketTier, of: { node?: string; start?: number } = {}) {
  const rows = await db.all<Record<string, number | null> & { sequence: number }>(sql`
    select sequence, "end" - start as lasts, count, entries, opened, closed, windows, covered_ms, utilisation, nodes
    from samples
    where tier = ${tier} and start = ${BEGIN + (of.start ?? 0)}
      and node_id = coalesce((select id from nodes where name = ${of.node ?? ""}), 0)
    order by sequence`);
  const names = Object.keys(AGGREGATES) as Aggregate[];
  return Object.fromEntries(rows.map(({ sequence, ...row }) => [names[sequence], row]));
}

test("a bucket of a node has the highest, lowest and latest of a gauge, and sums", async () => {
  const db = await folded([
    { from: 0, to: 30_000, count: 300, entries: 299, opened: 5 },
    { from: 30_000, to: 60_000, count: 100, opened: 7 },
    { from: 60_000, to: 90_000, count: 200, entries: 199 },
  ]);
  const expected = (lasts: number) => ({
    max: expect.objectContaining({
      lasts,
      count: 300,
      entries: 299,
      utilisation: 0.3,
      windows: null,
      opened: null,
    }),
    min: expect.objectContaining({ count: 100, entries: 199, utilisation: 0.1 }),
    last: expect.objectContaining({ count: 200, entries: 199, utilisation: 0.2 }),
    sum: {
      lasts,
      count: 600,
      entries: 498,
      opened: 12,
      closed: null,
      windows: 3,
      covered_ms: 90_000,
      utilisation: null,
      nodes: null,
    },
    // Of entries two windows know, of the rest all or none.
    known: expect.objectContaining({ count: null, entries: 2, opened: null, windows: null }),
  });
  expect(await bucket(db, TEN_MINUTES, { node: "a" })).toEqual(expected(600_000));
  expect(await bucket(db, HOUR, { node: "a" })).toEqual(expected(3_600_000));
  expect(await bucket(db, DAY, { node: "a" })).toEqual(expected(86_400_000));
});

test("a window that reaches into a slot gives it its gauges, and its counts to that in which it begins", async () => {
  const edge = 10 * MINUTE_MS;
  const db = await folded([{ from: edge - 45_000, to: edge + 45_000, count: 10, opened: 4 }]);
  expect(await bucket(db, TEN_MINUTES, { node: "a" })).toMatchObject({
    sum: { count: 10, opened: 4, windows: 1, covered_ms: 90_000 },
  });
  expect(await bucket(db, TEN_MINUTES, { node: "a", start: edge })).toMatchObject({
    max: { count: 10 },
    sum: { count: 10, opened: null, windows: 0, covered_ms: 0 },
    known: { count: 1 },
  });
  expect(await bucket(db, HOUR, { node: "a" })).toMatchObject({
    sum: { count: 20, opened: 4, windows: 1, covered_ms: 90_000 },
    known: { count: 2 },
  });
});

test("a minute of a cluster adds up its nodes, each by itself; coarser ones are made of minutes", async () => {
  const db = await folded([
    { from: 0, to: 30_000, count: 300, opened: 1 },
    { from: 30_000, to: 60_000, count: 101, opened: 2 },
    { node: "b", from: 0, to: 60_000, count: 50, entries: 40, opened: 4 },
    { node: "b", from: 60_000, to: 120_000, count: 900, entries: 41, opened: 8 },
  ]);
  expect(await bucket(db, MINUTE)).toEqual({
    max: expect.objectContaining({ count: 350, entries: 40, utilisation: 0.3, nodes: 2 }),
    min: expect.objectContaining({ count: 151, entries: 40, utilisation: 0.101 }),
    last: expect.objectContaining({ count: 151, utilisation: 0.101 }),
    // 200.5 is 201.
    sum: expect.objectContaining({ count: 251, entries: 40, opened: 7, windows: 1, covered_ms: 60_000 }),
  });
  const coarser = {
    max: expect.objectContaining({ count: 900, entries: 41, utilisation: 0.9, nodes: 2 }),
    min: expect.objectContaining({ count: 151, entries: 40, utilisation: 0.101 }),
    last: expect.objectContaining({ count: 900, entries: 41, utilisation: 0.9 }),
    sum: expect.objectContaining({ count: 1151, entries: 81, opened: 15, windows: 2, covered_ms: 120_000 }),
  };
  expect(await bucket(db, TEN_MINUTES)).toEqual(coarser);
  expect(await bucket(db, HOUR)).toEqual(coarser);
  expect(await bucket(db, DAY)).toEqual(coarser);
});

test("windows of any length and of two boots at once cover no more than there is", async () => {
  const every = (node: string, ms: number) =>
    Array.from({ length: (20 * MINUTE_MS) / ms }, (_, at) => ({
      node,
      from: at * ms,
      to: at * ms + ms,
      opened: ms / 100,
    }));
  const db = await folded([
    ...every("slow", 5 * MINUTE_MS),
    ...every("quick", 5_000),
    ...every("twice", 30_000),
    ...every("twice", 40_000),
  ]);
  for (const start of [0, 10 * MINUTE_MS])
    for (const node of ["", "slow", "quick", "twice"])
      expect(await bucket(db, TEN_MINUTES, { node, start })).toMatchObject({ sum: { covered_ms: 600_000 } });
  for (const start of [0, 3, 4, 19].map((minute) => minute * MINUTE_MS))
    expect(await bucket(db, MINUTE, { start })).toMatchObject({ sum: { covered_ms: MINUTE_MS, windows: 1 } });
});

test("a minute of a cluster is covered as far as that of the node that tells most of it", async () => {
  const db = await folded([
    { from: -20_000, to: 10_000, opened: 1 },
    { from: 50_000, to: 80_000, opened: 1 },
    { node: "b", from: 30_000, to: 45_000, opened: 1 },
  ]);
  const covered = async (start: number) => (await bucket(db, MINUTE, { start }))["sum"]?.["covered_ms"];
  expect(await covered(-MINUTE_MS)).toBe(20_000);
  expect(await covered(0)).toBe(20_000);
  expect(await covered(MINUTE_MS)).toBe(20_000);
});

test("sums that no number holds become the largest that one does, and fold on", async () => {
  const huge = Number.MAX_SAFE_INTEGER;
  const windows = Array.from({ length: 5 }, (_, at) => ({
    from: at * 1000,
    to: at * 1000 + 1000,
    count: huge,
    opened: huge,
  }));
  const db = await folded([...windows, ...windows.map((window) => ({ ...window, node: "b" }))]);
  for (const tier of BUCKET_TIERS)
    expect(await bucket(db, tier)).toMatchObject({
      max: { count: huge },
      sum: { count: huge, opened: huge },
    });
  expect(await bucket(db, HOUR, { node: "b" })).toMatchObject({
    sum: { count: huge, opened: huge, windows: 5 },
  });
});

test("a bucket of which nothing is left is no more", async () => {
  const db = await folded([{ from: 0, to: 30_000, count: 1 }]);
  await db.run(sql`delete from samples where tier = 0`);
  await db.run(sql`delete from segments`);
  await db.run(sql`
    insert into dirty (cluster_id, tier, node_id, start) values (1, 1, 0, ${BEGIN}), (1, 2, 1, ${BEGIN})`);
  await upkeepOf(db).tick(BEGIN + 25 * 3_600_000);
  expect(await db.all(sql`select tier from samples union all select tier from buckets`)).toEqual([]);
});
