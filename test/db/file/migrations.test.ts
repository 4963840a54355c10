import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { migrate } from "drizzle-orm/libsql/migrator";
import { onTestFinished, test } from "vitest";
import { openLibsql } from "../../../db/libsql.ts";

const MIGRATIONS = join(import.meta.dirname, "../../../db/migrations");

/** A folder with the first so many migrations. */
async function firstMigrations(folder: string, count: number): Promise<string> {
  const journal = JSON.parse(await readFile(join(MIGRATIONS, "meta/_journal.json"), "utf8")) as {
    entries: { tag: string }[];
  };
  const entries = journal.entries.slice(0, count);
  await mkdir(join(folder, "meta"), { recursive: true });
  await writeFile(join(folder, "meta/_journal.json"), JSON.stringify({ ...journal, entries }));
  for (const { tag } of entries) await copyFile(join(MIGRATIONS, `${tag}.sql`), join(folder, `${tag}.sql`));
  return folder;
}

test("reports stored before there were tiers keep their segments, and those without get one", async ({
  expect,
}) => {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const url = `file:${join(folder, "old.db")}`;
  const client = createClient({ url });
  await migrate(drizzle(client), { migrationsFolder: await firstMigrations(join(folder, "old"), 2) });
  await client.executeMultiple(`
    insert into samples (cluster_id, tier, node_id, start, boot, sequence, end, count)
      values (1, 0, 1, 60000, 1, 8, 90000, 8), (1, 0, 1, 30000, 1, 7, 60000, 7);
    insert into segments (cluster_id, tier, node_id, start, boot, sequence, end, data, details)
      values (1, 0, 1, 60000, 1, 8, 90000, x'0102', x'03');`);
  client.close();

  const database = await openLibsql({ url });
  onTestFinished(() => database.close());
  await database.migrate();
  const segments = await database.db.all(sql`
    select id, node_id, boot, sequence, start, end, hex(data) as data, hex(details) as details from segments order by id`);
  expect(segments).toEqual([
    { id: 1, node_id: 1, boot: 1, sequence: 7, start: 30_000, end: 60_000, data: "", details: "" },
    { id: 2, node_id: 1, boot: 1, sequence: 8, start: 60_000, end: 90_000, data: "0102", details: "03" },
  ]);
  expect(await database.db.all(sql`select count from samples order by start`)).toEqual([
    { count: 7 },
    { count: 8 },
  ]);
  expect(await database.db.all(sql`select id, expires_at, seen from upkeep`)).toEqual([
    { id: 1, expires_at: 0, seen: 0 },
  ]);
});

test("nodes that reported before their addresses were kept are found by those they have", async ({
  expect,
}) => {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const url = `file:${join(folder, "old.db")}`;
  const client = createClient({ url });
  await migrate(drizzle(client), { migrationsFolder: await firstMigrations(join(folder, "old"), 7) });
  await client.executeMultiple(`
    insert into nodes (id, cluster_id, name, agent, kernel, addresses, blind, first_seen_at, described_at) values
      (1, 1, 'a', '', '', '["10.0.0.1","127.0.0.1","169.254.20.10","fd00::1","10.0.0.1"]', '[]', 0, 0),
      (2, 1, 'never reported', '', '', '["10.0.0.2"]', '[]', 0, 0);
    insert into samples (cluster_id, tier, node_id, start, boot, sequence, end)
      values (1, 0, 1, 3630000, 1, 7, 3660000), (1, 0, 1, 7170000, 1, 8, 7230000);`);
  client.close();
  const database = await openLibsql({ url });
  onTestFinished(() => database.close());
  await database.migrate();
  const row = { cluster_id: 1, node_id: 1, own: 1, nat: 0, since: 3_600_000, until: 10_800_000 };
  expect(await database.db.all(sql`select * from node_addresses order by address`)).toEqual([
    { ...row, address: "10.0.0.1" },
    { ...row, address: "fd00::1" },
  ]);
});
