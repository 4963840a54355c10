import { openLibsql } from "../../../db/libsql.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import { aCluster, aReportOf, START } from "../../support/stored-report.ts";

test("a file is made with its folder, and every commit reaches the disk", async (ctx) => {
  const { expect } = ctx;
  const folder = await mkdtemp("/tmp/conntrail-");
  const url = `file:${folder}/new folder/100%25/conntrail.db`;
  const database = await openLibsql({ url });
  const { db } = database;
  ctx.onTestFinished(async () => {
    database.close();
    await rm(folder, { recursive: true });
  });
  await database.migrate();
  await database.migrate();
  await aCluster(db);
  const settings = async () => [
    await db.all(sql`pragma journal_mode`),
    await db.all(sql`pragma synchronous`),
    await db.all(sql`pragma busy_timeout`),
  ];
  const wanted = [[{ journal_mode: "wal" }], [{ synchronous: 2 }], [{ timeout: 1000 }]];
  expect(await settings()).toEqual(wanted);
  await storeReports(db, [aReportOf([])]);
  await expect(db.batch([db.run(sql`insert into nodes (id) values (1)`)])).rejects.toThrow();
  await Promise.all([1, 2, 3].map((sequence) => storeReports(db, [aReportOf([], { sequence })])));
  expect(await settings()).toEqual(wanted);

  const again = await openLibsql({ url });
  expect(await again.db.all(sql`select min(start) as start from samples`)).toEqual([{ start: START }]);
  again.close();
});
