import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { tablesIn } from "../../../db/queries/tables.ts";
import type { Slot, TableQuestion } from "../../../db/queries/tables.ts";
import { DEFAULT_RETENTION, slotOf, TEN_MINUTES } from "../../../db/tiers.ts";
import { aCluster, aReportOf, START } from "../../support/stored-report.ts";
import { tick } from "../../support/tick.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FROM = slotOf(TEN_MINUTES, START);
const QUESTION: TableQuestion = {
  clusterId: 1,
  by: "address",
  from: FROM,
  to: FROM + HOUR_MS,
  retention: DEFAULT_RETENTION,
  now: FROM + 3 * HOUR_MS,
};

/** Windows of half a minute, from FROM on. */
const windowsOf = (name: string, windows: number) =>
  [...Array(windows).keys()].map((window) =>
    aReportOf([{ source: "10.0.0.1", entries: 1, opened: 1 }], {
      sequence: window,
      from: FROM + window * 30_000,
      to: FROM + (window + 1) * 30_000,
      node: { name },
    }),
  );

/** Slots until one cannot be read. */
async function readUntilDamage(db: Db, question: Partial<TableQuestion>): Promise<number> {
  const slots: Slot[] = [];
  try {
    for await (const slot of tablesIn(db, { ...QUESTION, ...question })) slots.push(slot);
  } catch {
    return slots.length;
  }
  throw new Error("all was read");
}

test("windows are read as they are asked for: one that nobody came to is not taken apart", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, windowsOf("a", 20));
  await db.run(sql`update segments set data = x'00' where start = (select max(start) from segments)`);
  expect(await readUntilDamage(db, { node: "a", stepMs: MINUTE_MS })).toBe(9);
});

/** Two nodes each had a Pod of the same name; their buckets are folded. */
async function twoPods(): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [...windowsOf("a", 120), ...windowsOf("b", 60)]);
  await db.run(sql`
    insert into owners (cluster_id, node_id, address, kind, namespace, name, uid, workload_kind, workload, source, since,
      said_at, absent)
    select 1, id, '10.0.0.1', 'pod', 'shop', 'web', name, '', '', 'kubernetes', 0, 0, 0 from nodes`);
  await tick(db, QUESTION.now);
  return db;
}

test("what several nodes have in a slot is added up, slot by slot in time", async ({ expect }) => {
  const slots: Slot[] = [];
  const question = { ...QUESTION, pod: "web", by: "workload", stepMs: 10 * MINUTE_MS } as const;
  for await (const slot of tablesIn(await twoPods(), question)) slots.push(slot);
  expect(slots.map(({ from, table }) => [(from - FROM) / MINUTE_MS, table.columns.opened])).toEqual([
    [0, [40]],
    [10, [40]],
    [20, [40]],
    [30, [20]],
    [40, [20]],
    [50, [20]],
  ]);
});

test("buckets of several nodes are read as they are asked for", async ({ expect }) => {
  const db = await twoPods();
  await db.run(sql`
    update buckets set data = x'00' where tier = ${TEN_MINUTES} and node_id = (select id from nodes where name = 'b')
      and start = ${FROM + 20 * MINUTE_MS}`);
  expect(await readUntilDamage(db, { pod: "web", stepMs: 10 * MINUTE_MS })).toBe(2);
});
