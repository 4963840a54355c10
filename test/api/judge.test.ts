import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_LIVES_A_CLUSTER } from "../../api/alerts/admission.ts";
import type { Db } from "../../db/client.ts";
import { deleteCluster } from "../../db/queries/clusters.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { LEASE_MS } from "../../db/queries/upkeep/lease.ts";
import type { StoredReport } from "../../db/report.ts";
import { interrupted } from "../support/interrupted.ts";
import { aListener, aMinute, full, judgedIn, judgingOf } from "../support/judged.ts";
import { ON_WORKERS } from "../support/on-workers.ts";
import { aCluster } from "../support/stored-report.ts";

/** Two tables fill and one is well again; a third is never full. */
const NODES: Record<string, (number: number) => number> = {
  a: (number) => (number >= 1 && number < 3 ? 0.95 : 0.1),
  b: (number) => (number >= 3 ? 0.85 : 0.1),
  c: () => 0.2,
};
const MINUTES = 6;
const windowsOf = (node: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => aMinute(node, from + i, NODES[node]?.(from + i) ?? 0));
const TRACE = Array.from({ length: MINUTES }, (_, at) =>
  Object.keys(NODES).flatMap((node) => windowsOf(node, at, at + 1)),
).flat();
const END = Math.max(...TRACE.map(({ receivedAt }) => receivedAt)) + 1;

async function aStore(reports: readonly StoredReport[] = []): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await aListener(db);
  await storeReports(db, reports);
  return db;
}

async function undisturbed() {
  const db = await aStore(TRACE);
  expect(await judgingOf(db).judge(END)).toMatchObject({ end: "done", judged: TRACE.length });
  return judgedIn(db);
}

test("what came is judged once, whatever else comes, and what follows is marked to be told", async () => {
  const db = await aStore(TRACE);
  const { judge } = judgingOf(db);
  expect(await judge(END)).toMatchObject({ end: "done", judged: TRACE.length, events: 3 });
  const judged = await judgedIn(db);
  expect(judged["anomalies"]).toHaveLength(2);
  expect(judged["events"]).toHaveLength(3);
  expect(judged["groups"]).toEqual(['{"channel_id":1,"cluster_id":1,"rule":"full","due":1}']);
  expect(await judge(END)).toMatchObject({ end: "done", judged: 0, events: 0 });
  expect(await judgedIn(db)).toEqual(judged);
});

test("a quiet fleet costs no row but how far it was judged", async () => {
  const db = await aStore(windowsOf("c", 0, 20));
  expect(await judgingOf(db).judge(END)).toMatchObject({ judged: 20, events: 0 });
  for (const rows of Object.values(await judgedIn(db))) expect(rows).toEqual([]);
});

test("nodes in any order, doubled reports and late ones change nothing", async () => {
  const whole = await undisturbed();
  const names = Object.keys(NODES);
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(
        names.flatMap((name) => Array.from({ length: MINUTES }, () => name)),
        {
          minLength: names.length * MINUTES,
        },
      ),
      fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
      async (turns, dice) => {
        const db = await aStore();
        const { judge } = judgingOf(db);
        const next = new Map(names.map((name) => [name, 0]));
        const sent: StoredReport[] = [];
        for (const name of turns) {
          const number = next.get(name) ?? 0;
          next.set(name, number + 1);
          const report = windowsOf(name, number, number + 1)[0]!;
          const [roll = 0] = dice.take(1);
          // One that was missing until now, of a window that would open or end something.
          const late =
            roll === 1
              ? [
                  aMinute(name, number - 1, 0.99, {
                    sequence: 1000 + number,
                    from: report.from - 7_000,
                    to: report.from,
                    receivedAt: report.receivedAt,
                  }),
                ]
              : [];
          await storeReports(db, [report, ...late, ...(roll === 2 ? sent : [])]);
          sent.push(report);
          if (roll === 3) await judge(END);
        }
        await judge(END);
        const judged = await judgedIn(db);
        expect(judged).toEqual(whole);
      },
    ),
    { numRuns: ON_WORKERS ? 2 : 4 },
  );
}, 60_000);

/** Judges the trace in two parts; the second is disturbed. */
async function aHalf(): Promise<Db> {
  const db = await aStore(TRACE.slice(0, 9));
  expect(await judgingOf(db).judge(END - 1)).toMatchObject({ end: "done" });
  await storeReports(db, TRACE.slice(9));
  return db;
}

describe("judging that dies", () => {
  test("after any of its calls is finished by the next: nothing is judged twice, and nothing is lost", async () => {
    const whole = await undisturbed();
    let calls = 0;
    for (let end = "failed"; end === "failed"; calls += ON_WORKERS ? 4 : 2) {
      const db = await aHalf();
      const { judge } = judgingOf(db);
      const dying = interrupted(db, calls, () => {
        throw new Error("killed");
      });
      ({ end } = await judge(END, { on: dying }));
      expect(await judge(END + LEASE_MS)).toMatchObject({ end: "done" });
      expect(await judgedIn(db), `killed after ${calls} calls`).toEqual(whole);
    }
    expect(calls).toBeGreaterThan(8);
  }, 60_000);

  test("whose lease ran out writes nothing any more, wherever it was", async () => {
    const whole = await undisturbed();
    for (let calls = 1; ; calls += ON_WORKERS ? 4 : 2) {
      const db = await aHalf();
      const { judge } = judgingOf(db);
      let overtaken = false;
      const zombie = interrupted(db, calls, async () => {
        if (overtaken) return;
        overtaken = true;
        expect(await judge(END + LEASE_MS)).toMatchObject({ end: "done" });
      });
      await judge(END, { on: zombie });
      if (!overtaken) break;
      expect(await judgedIn(db), `overtaken after ${calls} calls`).toEqual(whole);
    }
  }, 60_000);

  test("while a cluster is deleted leaves nothing of it, and judges all others", async () => {
    const whole = await undisturbed();
    for (let calls = 1; ; calls += ON_WORKERS ? 5 : 2) {
      const db = await aStore(TRACE.slice(0, 9));
      const gone = await aCluster(db, "gone");
      // Their ids are given again to what comes then.
      await storeReports(
        db,
        TRACE.map((report) => ({ ...report, clusterId: gone })),
      );
      let deleted = false;
      const deleting = interrupted(db, calls, async () => {
        if (deleted) return;
        deleted = true;
        await deleteCluster(db, gone);
        await storeReports(db, TRACE.slice(9));
      });
      const { judge } = judgingOf(db);
      await judge(END, { on: deleting });
      if (!deleted) break;
      expect(await judge(END + LEASE_MS)).toMatchObject({ end: "done" });
      const left = await db.all(sql`select 1 from watches where cluster_id = ${gone}
        union all select 1 from anomalies where cluster_id = ${gone} union all select 1 from alert_groups where cluster_id = ${gone}`);
      expect(left, `deleted after ${calls} calls`).toEqual([]);
      expect(await judgedIn(db), `deleted after ${calls} calls`).toEqual(whole);
    }
  }, 60_000);
});

test("windows that cannot be judged hold up no others, and are told of once", async () => {
  const judge: typeof full.judge = (look, ...rest) => {
    if (look.window.node === "a") throw new Error("strange");
    return full.judge(look, ...rest);
  };
  const db = await aStore(TRACE);
  const judging = judgingOf(db, [{ ...full, judge }]);
  expect(await judging.judge(END)).toMatchObject({
    end: "done",
    judged: TRACE.length,
    events: 1,
    damaged: 2,
  });
  expect(judging.log.filter(({ event }) => event === "window-not-judged")).toMatchObject([
    { error: "Error: strange" },
  ]);
});

test("no more lives in a cluster than is let in, whatever nodes are invented", async () => {
  const db = await aStore(TRACE);
  await db.run(sql`
    insert into watches (cluster_id, rule, subject, node_id, about, life)
    select 1, 'full', 'other ' || value, 1000000 + value, '{}', '{}'
    from json_each(${JSON.stringify(Array.from({ length: MAX_LIVES_A_CLUSTER - 1 }, (_, at) => at))})`);
  const { judge, log } = judgingOf(db);
  // There is room for the table that was full first.
  expect(await judge(END)).toMatchObject({ end: "done", events: 2 });
  expect(log).toContainEqual({ level: "warning", event: "too-many-anomalies", clusterId: 1 });
});

describe("where judging has a part of the budget", () => {
  test("what ended more than ten minutes ago is passed over", async () => {
    const lastTo = Math.max(...TRACE.map(({ to }) => to));
    const judging = new AbortController().signal;
    for (const [late, events] of [
      [0, 3],
      [600_000 + MINUTES * 60_000, 0],
    ] as const) {
      const db = await aStore(TRACE);
      expect(await judgingOf(db).judge(lastTo + late, { judging })).toMatchObject({
        judged: TRACE.length,
        events,
      });
    }
  });

  test("and that is used up, the next goes on", async () => {
    const db = await aStore(TRACE);
    const { judge } = judgingOf(db);
    expect(await judge(END, { judging: AbortSignal.abort() })).toMatchObject({ end: "stopped", judged: 0 });
    expect(await judge(END)).toMatchObject({ end: "done", judged: TRACE.length, events: 3 });
  });
});

test("what is over and begins anew within one page is two anomalies", async () => {
  const fills = [0.95, 0.95, 0.1, 0.1, 0.95, 0.95];
  const db = await aStore(fills.map((fill, at) => aMinute("a", at, fill)));
  expect(await judgingOf(db).judge(END)).toMatchObject({ events: 3 });
  expect((await judgedIn(db))["anomalies"]).toHaveLength(2);
});
