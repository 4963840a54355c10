import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Db } from "../../db/client.ts";
import { openLibsql } from "../../db/libsql.ts";

/** An empty, migrated database for one test. */
export async function freshDb(): Promise<Db> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-"));
  const database = await openLibsql({ url: `file:${join(folder, "test.db")}` });
  onTestFinished(async () => {
    database.close();
    await rm(folder, { recursive: true });
  });
  await database.migrate();
  return database.db;
}
