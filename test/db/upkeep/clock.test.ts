import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { LEASE_MS, LeaseLostError, takeLease } from "../../../db/queries/upkeep/lease.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DAY, HOUR, SETTLE_MS, SLOT_MS, slotOf } from "../../../db/tiers.ts";
import { aTold, upkeepOf } from "../../support/folded.ts";
import { aCluster, START } from "../../support/stored-report.ts";

const BEGIN = slotOf(HOUR, START);
const SETTLED = BEGIN + SLOT_MS[HOUR] + SETTLE_MS;
const YEAR_MS = 365 * 86_400_000;

async function aStore(): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(
    db,
    [0, 1, 2, 3].map((at) => aTold("a", at, BEGIN)),
  );
  return db;
}

test("what comes after a tick whose clock ran a year ahead is folded, the hour and day of then too", async () => {
  const db = await aStore();
  const { tick } = upkeepOf(db);
  await tick(SETTLED);
  await tick(SETTLED + YEAR_MS);
  await tick(SETTLED + 10_000);
  const windows = Array.from({ length: 20 }, (_, at) => aTold("a", 125 + at, BEGIN));
  await storeReports(db, windows);
  const over = slotOf(DAY, BEGIN) + SLOT_MS[DAY] + SETTLE_MS;
  expect(await tick(SETTLED + 20 * 60_000)).toMatchObject({ end: "done", tooLate: 0 });
  expect(await tick(over)).toMatchObject({ end: "done", tooLate: 0 });
  const rows = await db.all(sql`
    select tier, min(opened) as opened from (
      select tier, node_id, sum(opened) as opened from samples where tier > 0 and start >= ${slotOf(DAY, BEGIN)} group by 1, 2)
    group by 1 order by 1`);
  const opened = windows.reduce((sum, { flows }) => sum + (flows?.opened ?? 0), 0);
  // Hours outlive the year, and so does what the first of them had.
  expect(rows).toEqual([
    { tier: 1, opened },
    { tier: 2, opened },
    { tier: 3, opened: opened + 10 },
    { tier: 4, opened: opened + 10 },
  ]);
});

describe("a lease", () => {
  const heldUntil = async (expiresAt: number) => {
    const db = await aStore();
    await db.run(sql`update upkeep set holder = 'dead', expires_at = ${expiresAt}`);
    return (await upkeepOf(db).tick(SETTLED)).end;
  };

  test("that no clock which is right has granted is taken over", async () => {
    expect(await heldUntil(SETTLED + 2 * LEASE_MS)).toBe("busy");
    expect(await heldUntil(SETTLED + 2 * LEASE_MS + 1)).toBe("done");
  });
});

test("a tick whose clock goes back ends, and leaves the rest to the next", async () => {
  const db = await aStore();
  const { tick, clock } = upkeepOf(db);
  const back = Object.assign(Object.create(db) as Db, {
    batch: (async (queries) => {
      clock.now = SETTLED - 1;
      return db.batch(queries);
    }) satisfies Db["batch"],
  });
  expect(await tick(SETTLED, { on: back })).toMatchObject({ end: "stopped", reports: 4, buckets: 0 });
  expect(await tick(SETTLED)).toMatchObject({ end: "done" });
});

test("a tick whose clock went back finds at once that another has its lease", async () => {
  const db = await aStore();
  const now = { now: SETTLED };
  const lease = await takeLease(db, "one", () => now.now);
  await lease?.keep();
  await db.run(sql`update upkeep set holder = 'another'`);
  await lease?.keep();
  now.now -= 1;
  await expect(lease?.keep()).rejects.toThrow(LeaseLostError);
});
