import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { dirtyIn, MAX_UNSEEN } from "../../../db/queries/stock.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { MINUTE, slotOf, WHOLE_CLUSTER } from "../../../db/tiers.ts";
import { aCluster, aStoredReport, START } from "../../support/stored-report.ts";
import { tick } from "../../support/tick.ts";

const MINUTE_MS = 60_000;

/** What the last tick left to be folded later is of longer slots. */
const minutesIn = async (db: Db, range: { from: number; to: number }) =>
  (await dirtyIn(db, 1, [WHOLE_CLUSTER], range)).flatMap(({ tier, start }) => (tier === MINUTE ? start : []));

test("reports no tick has seen mark the minutes they reach into, of their own cluster", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  await aCluster(db, "other");
  await storeReports(db, [aStoredReport()]);
  await tick(db, START + 3_600_000);
  await storeReports(db, [aStoredReport({ sequence: 8 }), aStoredReport({ sequence: 9, clusterId: 2 })]);
  const marks = (from: number, to: number) => minutesIn(db, { from, to });
  const start = slotOf(MINUTE, START + 4 * MINUTE_MS);
  expect(new Set(await marks(START, START + 10 * MINUTE_MS))).toEqual(new Set([start]));
  expect(await marks(START + 5 * MINUTE_MS, START + 10 * MINUTE_MS)).toEqual([]);
  expect(await marks(START, START + 4 * MINUTE_MS)).toEqual([]);
});

test("where more wait than are looked at, any time may lack some", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [aStoredReport()]);
  await tick(db, START + 3_600_000);
  const range = { from: START + MINUTE_MS * 100, to: START + MINUTE_MS * 110 };
  const wait = (reports: number) =>
    db.run(sql`update segments set id = (select seen from upkeep) + ${reports} where start = ${START}`);
  await wait(MAX_UNSEEN);
  expect(await minutesIn(db, range)).toEqual([]);
  await wait(MAX_UNSEEN + 1);
  expect(await minutesIn(db, range)).toEqual([range.from, range.to - MINUTE_MS]);
});
