import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";

/** Of each channel that is switched on, what it is told of, in JSON. */
export const enabledFilters = (db: Db): Promise<{ id: number; filter: string }[]> =>
  db.all(sql`select id, filter from channels where enabled`);
