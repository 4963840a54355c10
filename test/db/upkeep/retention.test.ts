import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { MAX_WINDOW_MS, storeReports } from "../../../db/queries/reports.ts";
import { horizonsAt, ROWS_A_DELETION } from "../../../db/queries/upkeep/retention.ts";
import {
  DEFAULT_RETENTION,
  BUCKET_TIERS,
  DAY,
  HOUR,
  MINUTE,
  SETTLE_MS,
  SLOT_MS,
  slotOf,
  TEN_MINUTES,
  WINDOW,
} from "../../../db/tiers.ts";
import type { BucketTier, Tier } from "../../../db/tiers.ts";
import { aTold, foldedIn, upkeepOf } from "../../support/folded.ts";
import { aCluster, aReportOf, START } from "../../support/stored-report.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const BEGIN = slotOf(HOUR, START);
const DAY_BEGIN = slotOf(DAY, BEGIN);
const NEXT_DAY = DAY_BEGIN + SLOT_MS[DAY];

/** Windows of 30 s, from so many ms after BEGIN on. */
const at = (ms: number, node = "a") => aTold(node, ms / 30_000, BEGIN);

async function aStore(reports: Parameters<typeof storeReports>[1]): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  for (let i = 0; i < reports.length; i += 100) await storeReports(db, reports.slice(i, i + 100));
  return db;
}

const starts = async (db: Db, table: string, tier?: number) =>
  (
    await db.all<{ at: number }>(sql`
      select distinct start - ${BEGIN} as at from ${sql.raw(table)}
      where ${tier === undefined ? sql`true` : sql`tier = ${tier}`} order by start`)
  ).map((row) => row.at);

test("windows go with their segments, once they are too old and cannot reach into what is kept", async () => {
  const keep = { ...DEFAULT_RETENTION, [WINDOW]: 2 * HOUR_MS };
  // Ten minutes that are forgotten in part would be folded wrongly: they are kept whole.
  const horizon = 10 * MINUTE_MS;
  const edge = horizon - MAX_WINDOW_MS;
  const db = await aStore([at(0), at(edge - 30_000), at(edge), at(horizon), at(HOUR_MS)]);
  const { tick } = upkeepOf(db, { retention: keep });
  await tick(BEGIN + horizon + 2 * HOUR_MS - 1);
  expect(await starts(db, "samples", WINDOW)).toHaveLength(5);
  expect(await tick(BEGIN + horizon + 2 * HOUR_MS)).toMatchObject({ end: "done", forgotten: 4 + 1 });
  const left = [edge, horizon, HOUR_MS];
  expect(await starts(db, "samples", WINDOW)).toEqual(left);
  expect(await starts(db, "segments")).toEqual(left);
  expect(await starts(db, "buckets", TEN_MINUTES)).toEqual([0, horizon, HOUR_MS]);
});

test("each tier is kept as long as is said, listings as long as windows, and nothing longer", async () => {
  const db = await aStore([at(0), at(HOUR_MS)]);
  const retention = {
    [WINDOW]: 2 * HOUR_MS,
    [MINUTE]: 3 * HOUR_MS,
    [TEN_MINUTES]: 4 * HOUR_MS,
    [HOUR]: 5 * HOUR_MS,
    [DAY]: 48 * HOUR_MS,
  };
  const { tick } = upkeepOf(db, { retention });
  const kept = async (now: number) => {
    expect(await tick(BEGIN + now)).toMatchObject({ end: "done" });
    const tiers = [];
    for (const tier of BUCKET_TIERS) {
      const samples = await starts(db, "samples", tier);
      expect(await starts(db, "buckets", tier)).toEqual(samples);
      tiers.push(samples.length);
    }
    const [{ listings } = { listings: 0 }] = await db.all<{ listings: number }>(
      sql`select count(*) as listings from listings`,
    );
    return [(await starts(db, "segments")).length, ...tiers, listings];
  };
  expect(await kept(2 * HOUR_MS + SETTLE_MS)).toEqual([2, 2, 2, 2, 0, 2]);
  expect(await kept(2 * HOUR_MS + 10 * MINUTE_MS)).toEqual([1, 2, 2, 2, 0, 1]);
  expect(await kept(3 * HOUR_MS + 10 * MINUTE_MS)).toEqual([0, 1, 2, 2, 0, 0]);
  expect(await kept(5 * HOUR_MS)).toEqual([0, 0, 1, 2, 0, 0]);
  expect(await kept(6 * HOUR_MS)).toEqual([0, 0, 0, 2, 0, 0]);
  // Hours go a day at a time, since a day may be folded from them anew.
  const over = NEXT_DAY - BEGIN;
  expect(await kept(over + 5 * HOUR_MS - 1)).toEqual([0, 0, 0, 2, 1, 0]);
  expect(await kept(over + 5 * HOUR_MS)).toEqual([0, 0, 0, 0, 1, 0]);
  expect(await kept(over + 48 * HOUR_MS - 1)).toEqual([0, 0, 0, 0, 1, 0]);
  expect(await kept(over + 48 * HOUR_MS)).toEqual([0, 0, 0, 0, 0, 0]);
});

describe("owners and settings", () => {
  test("go once days of their time are gone, but what holds then stays", async () => {
    const db = await aStore([at(0), at(10 * MINUTE_MS), at(20 * MINUTE_MS)]);
    const { tick } = upkeepOf(db);
    await tick(BEGIN + 2 * HOUR_MS);
    const names = async () => db.all(sql`select name from owners order by since`);
    const settings = async () => db.all(sql`select at - ${BEGIN} as at from node_settings order by at`);
    const contents = async () =>
      (await db.all<{ content: string }>(sql`select content from settings`)).map(({ content }) => content);
    expect(await names()).toEqual([{ name: "web-0" }, { name: "web-1" }, { name: "web-2" }]);
    expect(await settings()).toEqual([{ at: 0 }, { at: 10 * MINUTE_MS }, { at: 20 * MINUTE_MS }]);
    await tick(NEXT_DAY + DEFAULT_RETENTION[DAY] - 1);
    expect(await names()).toHaveLength(3);
    expect(await contents()).toHaveLength(3);
    await tick(NEXT_DAY + DEFAULT_RETENTION[DAY]);
    expect(await names()).toEqual([{ name: "web-2" }]);
    expect(await settings()).toEqual([{ at: 20 * MINUTE_MS }]);
    expect(await contents()).toEqual([expect.stringContaining("1002")]);
  });

  test("that were taken back stay as long as an older report may claim them again", async () => {
    const db = await aStore([at(0), at(10 * MINUTE_MS)]);
    const { tick } = upkeepOf(db);
    await tick(BEGIN + 2 * HOUR_MS);
    const names = async () => db.all(sql`select name from owners order by since`);
    // Said so by a window of the day after.
    await db.run(sql`update owners set until = since, said_at = ${NEXT_DAY} where name = 'web-0'`);
    await tick(NEXT_DAY + DEFAULT_RETENTION[DAY]);
    expect(await names()).toEqual([{ name: "web-0" }, { name: "web-1" }]);
    await tick(NEXT_DAY + SLOT_MS[DAY] + DEFAULT_RETENTION[DAY]);
    expect(await names()).toEqual([{ name: "web-1" }]);
  });
});

describe("a late report", () => {
  const retention = { ...DEFAULT_RETENTION, [WINDOW]: 6 * HOUR_MS, [MINUTE]: HOUR_MS };
  const all = [at(0), at(30_000), at(3 * MINUTE_MS), at(3 * MINUTE_MS, "bb")];

  test("of which minutes are forgotten is folded all the same, from windows", async () => {
    const orderly = await aStore(all);
    await upkeepOf(orderly, { retention }).tick(BEGIN + 4 * HOUR_MS);
    const folded = await foldedIn(orderly);

    const db = await aStore(all.slice(0, 3));
    const { tick } = upkeepOf(db, { retention });
    await tick(BEGIN + 3 * HOUR_MS);
    expect(await starts(db, "buckets", MINUTE)).toEqual([]);
    await storeReports(db, all.slice(3));
    expect(await tick(BEGIN + 4 * HOUR_MS)).toMatchObject({ end: "done", tooLate: 0 });
    const { buckets, samples } = await foldedIn(db);
    const coarse = (rows: string[] = []) => rows.filter((row) => !/"tier":1\b/.test(row));
    expect(coarse(buckets)).toEqual(coarse(folded["buckets"]));
    expect(coarse(samples)).toEqual(coarse(folded["samples"]));
  });

  test("of which windows are forgotten changes no bucket, and is counted", async () => {
    const db = await aStore(all.slice(0, 3));
    const { tick, log } = upkeepOf(db, { retention });
    const over = NEXT_DAY + HOUR_MS;
    await tick(over);
    const { buckets, samples } = await foldedIn(db);
    await storeReports(db, all.slice(3));
    // The ten minutes of its node, and of the cluster all minutes of them.
    expect(await tick(over + 1)).toMatchObject({ end: "done", tooLate: 1 + 10, buckets: 0 });
    expect(await foldedIn(db)).toMatchObject({ buckets, samples, dirty: [] });
    expect(log.at(-1)).toMatchObject({ level: "warning", tooLate: 11 });
  });

  test("keeps what it is to be folded with, even if that is too old by now", async () => {
    const db = await aStore(all);
    const { tick } = upkeepOf(db, { retention });
    // Nothing ran for a day: first all is folded, and only then forgotten.
    expect(await tick(BEGIN + 30 * HOUR_MS)).toMatchObject({ end: "done", tooLate: 0 });
    expect(await starts(db, "segments")).toEqual([]);
    const orderly = await aStore(all);
    await upkeepOf(orderly).tick(BEGIN + 4 * HOUR_MS);
    const { buckets } = await foldedIn(orderly);
    expect(await starts(orderly, "segments")).toHaveLength(3);
    expect(buckets?.filter((row) => /"tier":3/.test(row))).toHaveLength(3);
  });
});

test("nothing is forgotten that a bucket waits for", async () => {
  const db = await aStore([]);
  const now = BEGIN + 500 * 24 * HOUR_MS;
  const kept = (tier: Tier, slot: BucketTier) => slotOf(slot, now - DEFAULT_RETENTION[tier]);
  const all = {
    [WINDOW]: kept(WINDOW, TEN_MINUTES),
    [MINUTE]: kept(MINUTE, TEN_MINUTES),
    [TEN_MINUTES]: kept(TEN_MINUTES, HOUR),
    [HOUR]: kept(HOUR, DAY),
    [DAY]: kept(DAY, DAY),
  };
  expect(await horizonsAt(db, DEFAULT_RETENTION, now)).toEqual(all);
  const waiting = async (tier: number, nodeId: number) => {
    await db.run(sql`delete from dirty`);
    await db.run(
      sql`insert into dirty (cluster_id, tier, node_id, start) values (1, ${tier}, ${nodeId}, ${BEGIN})`,
    );
    return horizonsAt(db, DEFAULT_RETENTION, now);
  };
  const ofDay = { ...all, [HOUR]: DAY_BEGIN };
  const ofHour = { ...ofDay, [TEN_MINUTES]: BEGIN };
  expect(await waiting(TEN_MINUTES, 1)).toEqual({ ...ofHour, [WINDOW]: BEGIN });
  expect(await waiting(MINUTE, 0)).toEqual({ ...ofHour, [WINDOW]: BEGIN, [MINUTE]: BEGIN });
  expect(await waiting(HOUR, 1)).toEqual(ofHour);
  expect(await waiting(DAY, 1)).toEqual(ofDay);
});

test("more rows than one batch deletes go in one tick, and ids that are given again are looked at", async () => {
  const many = Array.from({ length: ROWS_A_DELETION + 1 }, (_, sequence) =>
    aReportOf([], { sequence, from: BEGIN, to: BEGIN + 30_000 }),
  );
  const db = await aStore(many);
  const { tick } = upkeepOf(db);
  const late = BEGIN + DEFAULT_RETENTION[WINDOW] + HOUR_MS;
  expect(await tick(late)).toMatchObject({ end: "done", reports: ROWS_A_DELETION + 1 });
  expect(await starts(db, "segments")).toEqual([]);
  expect(await starts(db, "samples", WINDOW)).toEqual([]);
  expect(await db.all(sql`select seen from upkeep`)).toEqual([{ seen: 0 }]);
  await storeReports(db, [aTold("a", (late - BEGIN) / 30_000, BEGIN)]);
  expect(await tick(late + MINUTE_MS)).toMatchObject({ reports: 1, buckets: 1 });
});

test("what a tick that is stopped has not forgotten goes with the next, though nothing more is too old by then", async () => {
  const many = Array.from({ length: ROWS_A_DELETION + 1 }, (_, sequence) =>
    aReportOf([], { sequence, from: BEGIN, to: BEGIN + 30_000 }),
  );
  const db = await aStore(many);
  const { tick } = upkeepOf(db);
  const late = BEGIN + DEFAULT_RETENTION[WINDOW] + HOUR_MS;
  // A look at what came, two at what is to be judged, and one step more.
  const some = () => tick(late, { signal: stoppingAfter(4) });
  let stopped = await some();
  for (let ticks = 1; stopped.forgotten === 0 && ticks < 50; ticks++) stopped = await some();
  expect(stopped.end).toBe("stopped");
  expect(await starts(db, "segments")).toEqual([0]);
  expect(await tick(late)).toMatchObject({
    end: "done",
    forgotten: expect.toSatisfy((rows: number) => rows > 0),
  });
  expect(await starts(db, "segments")).toEqual([]);
  expect(await starts(db, "samples", WINDOW)).toEqual([]);
  expect(await db.all(sql`select forgetting from upkeep`)).toEqual([{ forgetting: 0 }]);
});

/** Aborted once it was asked so many times. */
function stoppingAfter(looks: number): AbortSignal {
  let left = looks;
  return Object.defineProperty(new AbortController().signal, "aborted", { get: () => (left -= 1) < 0 });
}
