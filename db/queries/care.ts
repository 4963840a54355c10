import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";

/** Writes all that is stored, as of one moment, into a new file; the service goes on meanwhile. */
export async function copyInto(db: Db, file: string): Promise<void> {
  await db.run(sql`vacuum into ${file}`);
}
