import { reset } from "cloudflare:test";
import type { D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Db } from "../../db/client.ts";
import { openD1 } from "../../db/d1.ts";

/** On a busy machine a database has been seen to outlive its reset: its tables were there already. */
const RESETS = 3;

/** An empty, migrated database. Storage lasts as long as a worker, so each test begins by emptying it. */
export async function freshDb(resets = RESETS): Promise<Db> {
  await reset();
  const { DB, MIGRATIONS } = env as unknown as { DB: D1Database; MIGRATIONS: D1Migration[] };
  try {
    // All in one call: one for each migration takes three times as long.
    await DB.batch(MIGRATIONS.flatMap(({ queries }) => queries.map((query) => DB.prepare(query))));
  } catch (error) {
    if (resets === 1 || !String(error).includes("already exists")) throw error;
    return freshDb(resets - 1);
  }
  return openD1(DB);
}
