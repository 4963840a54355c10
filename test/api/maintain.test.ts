import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Db } from "../../db/client.ts";
import { deleteCluster } from "../../db/queries/clusters.ts";
import { LEASE_MS } from "../../db/queries/upkeep/lease.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { HOUR, MINUTE, SETTLE_MS, SLOT_MS, slotOf, TEN_MINUTES } from "../../db/tiers.ts";
import { interrupted } from "../support/interrupted.ts";
import { ON_WORKERS } from "../support/on-workers.ts";
import { aTold, foldedIn, upkeepOf } from "../support/folded.ts";
import { aCluster, START } from "../support/stored-report.ts";

const BEGIN = slotOf(HOUR, START);
const SETTLED = BEGIN + SLOT_MS[HOUR] + SETTLE_MS;
const NODES = ["a", "bb"];

/** Six windows of two nodes, which begin with the hour. */
const WINDOWS = Array.from({ length: 6 }, (_, at) => NODES.map((node) => aTold(node, at, BEGIN))).flat();

async function aStore(reports = WINDOWS): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, reports);
  return db;
}

/** What an undisturbed tick makes of them. */
async function undisturbed(reports = WINDOWS) {
  const db = await aStore(reports);
  expect(await upkeepOf(db).tick(SETTLED)).toMatchObject({ end: "done" });
  return foldedIn(db);
}

test("a tick folds what is due, and only that", async () => {
  const db = await aStore();
  const { tick } = upkeepOf(db);
  const tiers = async () =>
    (await db.all<{ tier: number }>(sql`select distinct tier from buckets order by 1`)).map(
      ({ tier }) => tier,
    );
  const tenMinutesOver = BEGIN + SLOT_MS[TEN_MINUTES] + SETTLE_MS;
  expect(await tick(BEGIN + 200_000)).toMatchObject({ end: "done", reports: 12, buckets: 3 });
  expect(await tiers()).toEqual([MINUTE]);
  await tick(tenMinutesOver - 1);
  expect(await tiers()).toEqual([MINUTE]);
  await tick(tenMinutesOver);
  expect(await tiers()).toEqual([MINUTE, TEN_MINUTES]);
  await tick(SETTLED - 1);
  expect(await tiers()).toEqual([MINUTE, TEN_MINUTES]);
  await tick(SETTLED);
  expect(await tiers()).toEqual([MINUTE, TEN_MINUTES, HOUR]);
  expect(await tick(SETTLED)).toMatchObject({ end: "done", reports: 0, buckets: 0 });
});

test("a report that comes after all is folded goes into minute, ten minutes and hour", async () => {
  const late = aTold("a", 2, BEGIN);
  const db = await aStore(WINDOWS.filter((report) => report !== WINDOWS[4]));
  const { tick } = upkeepOf(db);
  await tick(SETTLED);
  const without = await foldedIn(db);
  await storeReports(db, [late]);
  expect(await tick(SETTLED + 1)).toMatchObject({ reports: 1, buckets: 5 });
  const folded = await foldedIn(db);
  expect(folded).not.toEqual(without);
  expect(folded).toEqual(await undisturbed());
});

test("two ticks at once do the work once", async () => {
  const db = await aStore();
  const { tick } = upkeepOf(db);
  const ticks = await Promise.all([tick(SETTLED), tick(SETTLED), tick(SETTLED)]);
  expect(ticks.map(({ end }) => end).toSorted()).toEqual(["busy", "busy", "done"]);
  expect(ticks.reduce((total, { reports }) => total + reports, 0)).toBe(12);
  expect(await foldedIn(db)).toEqual(await undisturbed());
});

/** Every other step of the scan, and some of those that follow. */
const stride = (calls: number, later: number) => (ON_WORKERS ? 3 * later : calls < 10 ? 2 : later);

describe("a tick that dies", () => {
  test("after any of its steps is finished by the next, once its lease has run out", async () => {
    const whole = await undisturbed();
    let calls = 0;
    for (let end = "failed"; end === "failed"; calls += stride(calls, 7)) {
      const db = await aStore();
      const { tick } = upkeepOf(db);
      const dying = interrupted(db, calls, () => {
        throw new Error("killed");
      });
      ({ end } = await tick(SETTLED, { on: dying }));
      if (calls > 0 && end === "failed")
        expect(await tick(SETTLED + LEASE_MS - 1)).toMatchObject({ end: "busy" });
      expect(await tick(SETTLED + LEASE_MS)).toMatchObject({ end: "done" });
      expect(await foldedIn(db), `killed after ${calls} calls`).toEqual(whole);
    }
    expect(calls).toBeGreaterThan(12);
  }, 120_000);

  test("of a connection that was lost once leaves all to the next", async () => {
    const whole = await undisturbed();
    for (let calls = 1; ; calls += stride(calls, 7)) {
      const db = await aStore();
      const { tick } = upkeepOf(db);
      let lost = false;
      const losing = interrupted(db, calls, () => {
        if (lost) return;
        lost = true;
        throw new Error("Network connection lost.");
      });
      const { end } = await tick(SETTLED, { on: losing });
      if (!lost) break;
      expect(["failed", "done"], `lost after ${calls} calls`).toContain(end);
      // Where it was the lease that could not be given back.
      expect(await tick(SETTLED + LEASE_MS)).toMatchObject({ end: "done" });
      expect(await foldedIn(db), `lost after ${calls} calls`).toEqual(whole);
    }
  }, 120_000);

  test("gives its lease back where it can", async () => {
    const db = await aStore();
    const { tick, log } = upkeepOf(db);
    let failed = false;
    const failing = interrupted(db, 3, () => {
      if (!failed) {
        failed = true;
        throw new Error("away");
      }
    });
    expect(await tick(SETTLED, { on: failing })).toMatchObject({ end: "failed" });
    expect(log).toContainEqual({ level: "error", event: "tick-failed", error: "Error: away" });
    expect(await tick(SETTLED)).toMatchObject({ end: "done" });
  });
});

test("a tick whose lease ran out writes nothing any more, wherever it was", async () => {
  const late = aTold("a", 2, BEGIN);
  const early = WINDOWS.filter((report) => report !== WINDOWS[4]);
  const whole = await undisturbed();
  for (let calls = 1; ; calls += stride(calls, 7)) {
    const db = await aStore(early);
    const { tick, clock } = upkeepOf(db);
    let overtaken = false;
    const zombie = interrupted(db, calls, async () => {
      if (overtaken) return;
      overtaken = true;
      await storeReports(db, [late]);
      expect(await tick(SETTLED + LEASE_MS)).toMatchObject({ end: "done" });
    });
    const { end } = await tick(SETTLED, { on: zombie });
    if (!overtaken) break;
    expect(clock.now).toBe(SETTLED + LEASE_MS);
    expect(end, `overtaken after ${calls} calls`).not.toBe("failed");
    expect(await foldedIn(db), `overtaken after ${calls} calls`).toEqual(whole);
  }
}, 120_000);

test("reports that come while a cluster is deleted are folded, wherever the tick was", async () => {
  // Of a node of its own: nothing that is said of another marks its buckets.
  const [some = [], others = []] = NODES.map((name) => WINDOWS.filter(({ node }) => node.name === name));
  const whole = await undisturbed();
  for (let calls = 1; ; calls += stride(calls, 9)) {
    const db = await aStore([]);
    const { tick } = upkeepOf(db);
    const gone = await aCluster(db, "gone");
    // Once it is gone, ids of its reports are given again.
    await storeReports(db, [...some, ...WINDOWS.map((report) => ({ ...report, clusterId: gone }))]);
    let deleted = false;
    const deleting = interrupted(db, calls, async () => {
      if (deleted) return;
      deleted = true;
      await deleteCluster(db, gone);
      await storeReports(db, others);
    });
    const { end } = await tick(SETTLED, { on: deleting });
    if (!deleted) break;
    expect(end, `deleted after ${calls} calls`).toBe("done");
    expect(await tick(SETTLED)).toMatchObject({ end: "done" });
    expect(await foldedIn(db), `deleted after ${calls} calls`).toEqual(whole);
  }
}, 120_000);

describe("a budget", () => {
  test("of judging that is used up holds up nothing else", async () => {
    const db = await aStore();
    const { tick } = upkeepOf(db);
    const ended = await tick(SETTLED, { judging: AbortSignal.abort() });
    expect(ended).toMatchObject({ end: "stopped", reports: 12, judged: 0, buckets: 9 });
    const [upkeep] = await db.all<{ at: number }>(sql`select watched_at as at from upkeep`);
    expect(upkeep).toEqual({ at: SETTLED });
    expect(await tick(SETTLED)).toMatchObject({ end: "done", judged: 12, buckets: 0 });
  });

  test("that is used up stops a tick, and the next ones go on where it was", async () => {
    const db = await aStore();
    const { tick, clock } = upkeepOf(db);
    const slow = interrupted(db, 0, () => void (clock.now += 10));
    const ends = new Set<string>();
    let ticks = 0;
    for (let end = ""; end !== "done"; ticks += 1) {
      ({ end } = await tick(SETTLED, { on: slow, ms: 150 }));
      ends.add(end);
    }
    expect(ticks).toBeGreaterThan(3);
    expect([...ends]).toEqual(["stopped", "done"]);
    expect(await foldedIn(db)).toEqual(await undisturbed());
  }, 60_000);

  test("of nothing, or a signal to stop, does nothing", async () => {
    const db = await aStore();
    const { tick } = upkeepOf(db);
    expect(await tick(SETTLED, { ms: 0 })).toMatchObject({ end: "stopped", reports: 0 });
    expect(await tick(SETTLED, { signal: AbortSignal.abort() })).toMatchObject({
      end: "stopped",
      reports: 0,
    });
    expect(await tick(SETTLED)).toMatchObject({ end: "done", reports: 12 });
  });
});

describe("what is damaged", () => {
  test.for(["data", "details"])("%s of a report is counted, and the others are folded", async (column) => {
    const db = await aStore();
    const { tick, log } = upkeepOf(db);
    await db.run(sql`update segments set ${sql.raw(column)} = x'0102' where id = 1`);
    const ended = await tick(SETTLED);
    expect(ended).toMatchObject({ end: "done", reports: 12 });
    expect(ended.damaged).toBeGreaterThan(0);
    expect(ended.buckets).toBe(3 + 3 + 3);
    expect(log).toMatchObject([{ level: "warning", event: "tick", damaged: ended.damaged }]);
  });

  test("bucket is left out of the coarser one", async () => {
    const db = await aStore();
    const { tick } = upkeepOf(db);
    await tick(BEGIN + SLOT_MS[TEN_MINUTES]);
    await db.run(sql`update buckets set data = x'0102' where start = ${BEGIN}`);
    expect(await tick(SETTLED)).toMatchObject({ end: "done", damaged: 1 });
  });
});
