import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";

/** The last rows of segments that were judged, and that were looked at. */
export async function judgedSoFar(db: Db): Promise<{ judged: number; seen: number }> {
  const [row] = await db.all<{ judged: number; seen: number }>(sql`select judged, seen from upkeep`);
  return row ?? { judged: 0, seen: 0 };
}

/** A row of segments, as it was read. */
export type JudgedRow = { id: number; clusterId: number; from: number; to: number };

/**
 * Holds while that row is there, and the lease is. Ids are given again once the newest rows are gone: where it is another by now, rows that nobody
 * judged may have ids below it.
 */
export const whileThere = (
  { id, clusterId, from, to }: JudgedRow,
  lease: SQL,
): SQL => sql`(${lease} and exists (
  select 1 from segments where id = ${id} and cluster_id = ${clusterId} and start = ${from} and "end" = ${to}))`;

/** Answers a row where what is guarded by it is written. */
export const holds = (guard: SQL): SQL => sql`select 1 where ${guard}`;

/** Answers a row where it was written. */
export const moveJudged = ({ id }: JudgedRow, guard: SQL): SQL =>
  sql`update upkeep set judged = ${id} where judged < ${id} and ${guard} returning 1`;

/** Clusters are judged once a minute; timers are not exact. */
export const WATCH_EVERY_MS = 55_000;
/** Without a look at clusters for so long, the service itself was away. */
export const WATCH_GAP_MS = 180_000;

/** Takes the turn to judge clusters: since when that was done without a gap. Undefined where it is not due. */
export async function takeWatch(db: Db, now: number, guard: SQL): Promise<number | undefined> {
  const rows = await db.all<{ since: number }>(sql`
    update upkeep set watched_at = ${now},
      watched_since = iif(watched_at between ${now - WATCH_GAP_MS} and ${now}, watched_since, ${now})
    where (watched_at <= ${now - WATCH_EVERY_MS} or watched_at > ${now}) and ${guard}
    returning watched_since as since`);
  return rows[0]?.since;
}

/** Holds while the cluster is there, and the lease is. */
export const whileClusterIs = (clusterId: number, lease: SQL): SQL =>
  sql`(${lease} and exists (select 1 from clusters where id = ${clusterId}))`;
