import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";

/** Of each channel that is switched on, what it is told of, in JSON. */
export const enabledFilters = (db: Db): Promise<{ id: number; filter: string }[]> =>
  db.all(sql`select id, filter from channels where enabled`);

/** A channel that works, of those that are not this one: the one that worked last. */
export async function healthyChannel(
  db: Db,
  not: number,
  now: number,
): Promise<{ id: number; language: string } | undefined> {
  const [row] = await db.all<{ id: number; language: string }>(sql`
    select id, language from channels
    where id <> ${not} and enabled and failures = 0 and coalesce(paused_until, 0) <= ${now}
    order by last_sent_at desc, id limit 1`);
  return row;
}
