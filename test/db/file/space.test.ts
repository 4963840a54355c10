import { openLibsql } from "../../../db/libsql.ts";
import { createClient } from "@libsql/client";
import { mkdtemp, rm } from "node:fs/promises";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import type { Db } from "../../../db/client.ts";

async function pages(db: Db): Promise<number> {
  const [row] = await db.all<{ page_count: number }>(sql`pragma page_count`);
  return row?.page_count ?? 0;
}

/** Some 8 MB that come and go. */
async function fillAndEmpty(db: Db): Promise<void> {
  await db.run(sql`
    insert into segments (cluster_id, node_id, boot, sequence, start, end, data)
    select 1, 1, 1, value, 0, 1, randomblob(4000) from json_each(${JSON.stringify([...Array(2000).keys()])})`);
  await db.run(sql`delete from segments`);
}

test.for([
  ["new", false],
  ["made before space was given back", true],
] as const)("a %s file shrinks step by step once rows are deleted", async ([, isOld], ctx) => {
  const { expect } = ctx;
  const folder = await mkdtemp("/tmp/conntrail-");
  ctx.onTestFinished(() => rm(folder, { recursive: true }));
  const url = `file:${folder}/x.db`;
  if (isOld) {
    const client = createClient({ url });
    await client.execute("create table before (x)");
    client.close();
  }
  const database = await openLibsql({ url });
  ctx.onTestFinished(() => database.close());
  await database.migrate();
  const { db } = database;
  const before = await pages(db);
  await fillAndEmpty(db);
  expect(await pages(db)).toBeGreaterThan(before + 1500);
  let steps = 0;
  for (let more = true; more; steps += 1) more = (await database.giveSpaceBack?.()) ?? false;
  expect(steps).toBeGreaterThan(4);
  expect(await pages(db)).toBeLessThan(before + 50);
  expect(await database.giveSpaceBack?.()).toBe(false);

  await db.batch([db.run(sql`update upkeep set seen = 7`)]);
  const other = createClient({ url });
  ctx.onTestFinished(() => other.close());
  expect((await other.execute("select seen from upkeep")).rows).toEqual([{ seen: 7 }]);
});
