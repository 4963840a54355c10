import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { HOUR, MINUTE, SLOT_MS, TEN_MINUTES, WHOLE_CLUSTER, WINDOW } from "../../tiers.ts";
import type { BucketTier, Retention } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";

/** Rows of a kind that one batch deletes: a tick does many, and each holds up reports for some milliseconds. */
export const ROWS_A_DELETION = 500;

const OWNERS_A_LOOK = sql.raw("20000");

/** What begins before these is forgotten. */
export type Horizons = { windows: number; minutes: number; tenMinutes: number; hours: number };

/**
 * Up to where each tier may be forgotten. Nothing is that a bucket is still to be folded from, and of what a bucket is folded
 * from all or nothing.
 */
export async function horizonsAt(db: Db, retention: Retention, now: number): Promise<Horizons> {
  const [dirty] = await db.all<{
    windows: number | null;
    minutes: number | null;
    tenMinutes: number | null;
  }>(sql`
    select
      min(iif(tier <= ${TEN_MINUTES}, start, null)) as windows,
      min(iif(tier <= ${TEN_MINUTES} and node_id = ${WHOLE_CLUSTER}, start, null)) as minutes,
      min(start) as tenMinutes
    from dirty`);
  const before = (kept: number, dirtySince: number | null | undefined, slot: number) =>
    Math.max(0, Math.floor(Math.min(now - kept, dirtySince ?? now) / slot) * slot);
  return {
    windows: before(retention[WINDOW], dirty?.windows, SLOT_MS[TEN_MINUTES]),
    minutes: before(retention[MINUTE], dirty?.minutes, SLOT_MS[TEN_MINUTES]),
    tenMinutes: before(retention[TEN_MINUTES], dirty?.tenMinutes, SLOT_MS[HOUR]),
    hours: before(retention[HOUR], undefined, SLOT_MS[HOUR]),
  };
}

/** Whether there is more to forget than the last time. */
export async function hasAdvanced(db: Db, { windows, minutes, tenMinutes }: Horizons): Promise<boolean> {
  const rows = await db.all(sql`
    select 1 from upkeep
    where windows_from < ${windows} or minutes_from < ${minutes} or ten_minutes_from < ${tenMinutes}`);
  return rows.length > 0;
}

/** Deletes some of what is too old, in one batch; how many rows it was. Fewer than ROWS_A_DELETION of each kind: that was all. */
export async function forgetSome(
  db: Db,
  horizons: Horizons,
  guard: SQL,
): Promise<{ rows: number; all: boolean }> {
  const deletions = [
    // Segments first: it is by its sample that the age of one is found.
    ...forgetWindows(horizons.windows, guard),
    forgetSamples(MINUTE, horizons.minutes, guard),
    forgetSamples(TEN_MINUTES, horizons.tenMinutes, guard),
    forgetSamples(HOUR, horizons.hours, guard),
    forgetBuckets(MINUTE, horizons.minutes, guard),
    forgetBuckets(TEN_MINUTES, horizons.tenMinutes, guard),
    forgetBuckets(HOUR, horizons.hours, guard),
    forgetListings(horizons.windows, guard),
    forgetOwners(horizons.hours, horizons.windows / SLOT_MS[TEN_MINUTES], guard),
    forgetNodeSettings(horizons.hours, guard),
  ];
  const answers = await db.batch([
    db.run(sql`
      update upkeep set windows_from = max(windows_from, ${horizons.windows}),
        minutes_from = max(minutes_from, ${horizons.minutes}),
        ten_minutes_from = max(ten_minutes_from, ${horizons.tenMinutes})
      where (windows_from < ${horizons.windows} or minutes_from < ${horizons.minutes}
        or ten_minutes_from < ${horizons.tenMinutes}) and ${guard}`),
    ...deletions.map((deletion) => db.all(deletion)),
    db.run(unseen(guard)),
  ]);
  const counts = answers.slice(1, -1).map((rows) => (rows as unknown[]).length);
  return {
    rows: counts.reduce((total, count) => total + count, 0),
    all: counts.every((count) => count < ROWS_A_DELETION),
  };
}

/** An id may be given again once the newest rows are gone: what comes next must be above what was looked at. */
export const unseen = (guard: SQL = sql`true`): SQL => sql`
  update upkeep set seen = coalesce((select max(id) from segments), 0)
  where seen > coalesce((select max(id) from segments), 0) and ${guard}`;

/** CROSS JOIN keeps the nodes outside: each is then one seek to its oldest row. */
function oldSamples(tier: typeof WINDOW | BucketTier, before: number): SQL {
  const ofCluster = sql`union all select id, ${WHOLE_CLUSTER} from clusters`;
  return sql`
    from (select cluster_id as cluster, id as node from nodes ${tier === WINDOW ? sql`` : ofCluster}) n
    cross join samples s on s.cluster_id = n.cluster and s.tier = ${tier} and s.node_id = n.node and s.start < ${before}`;
}

const SAMPLE_KEY = sql.raw("cluster_id, tier, node_id, start, boot, sequence");

/** A window may reach into the slot behind the horizon. Those that were not looked at yet stay: they are not marked. */
function forgetWindows(horizon: number, guard: SQL): SQL[] {
  const old = oldSamples(WINDOW, horizon - MAX_WINDOW_MS);
  const ofSample = sql`g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot and g.sequence = s.sequence`;
  return [
    sql`
      delete from segments
      where id in (
        select g.id from (select s.cluster_id, s.node_id, s.boot, s.sequence ${old} limit ${ROWS_A_DELETION}) s
        cross join segments g on ${ofSample}
        where g.id <= (select seen from upkeep)) and ${guard}
      returning 1`,
    sql`
      delete from samples
      where (${SAMPLE_KEY}) in (
        select s.cluster_id, s.tier, s.node_id, s.start, s.boot, s.sequence ${old}
        where not exists (select 1 from segments g where ${ofSample})
        limit ${ROWS_A_DELETION}) and ${guard}
      returning 1`,
  ];
}

function forgetSamples(tier: BucketTier, horizon: number, guard: SQL): SQL {
  return sql`
    delete from samples
    where (${SAMPLE_KEY}) in (
      select s.cluster_id, s.tier, s.node_id, s.start, s.boot, s.sequence ${oldSamples(tier, horizon)}
      limit ${ROWS_A_DELETION}) and ${guard}
    returning 1`;
}

function forgetBuckets(tier: BucketTier, horizon: number, guard: SQL): SQL {
  return sql`
    delete from buckets
    where rowid in (
      select b.rowid
      from (select cluster_id as cluster, id as node from nodes
        union all select id, ${WHOLE_CLUSTER} from clusters) n
      cross join buckets b on b.cluster_id = n.cluster and b.tier = ${tier} and b.node_id = n.node
        and b.start < ${horizon}
      limit ${ROWS_A_DELETION}) and ${guard}
    returning 1`;
}

function forgetListings(horizon: number, guard: SQL): SQL {
  return sql`
    delete from listings
    where (cluster_id, node_id, at) in (
      select l.cluster_id, l.node_id, l.at
      from nodes n cross join listings l on l.cluster_id = n.cluster_id and l.node_id = n.id
        and l.at < ${horizon - MAX_WINDOW_MS}
      limit ${ROWS_A_DELETION}) and ${guard}
    returning 1`;
}

/**
 * There may be millions, and by their end they are in no order: each time another part is looked at. What was taken back has
 * its end at its start, and stays as long as an older report may claim it again.
 */
function forgetOwners(horizon: number, turn: number, guard: SQL): SQL {
  const parts = sql`(coalesce(max(id), 0) / ${OWNERS_A_LOOK} + 1)`;
  return sql`
    delete from owners
    where id in (
      select o.id from (select cast(${turn} as integer) % ${parts} * ${OWNERS_A_LOOK} as first from owners) part
      cross join owners o on o.id >= part.first and o.id < part.first + ${OWNERS_A_LOOK}
      where o.until < ${horizon} and o.said_at < ${horizon} limit ${ROWS_A_DELETION}) and ${guard}
    returning 1`;
}

/** All but what holds at the horizon. */
function forgetNodeSettings(horizon: number, guard: SQL): SQL {
  return sql`
    delete from node_settings
    where (cluster_id, node_id, at) in (
      select s.cluster_id, s.node_id, s.at from node_settings s
      where s.at < ${horizon} and exists (
        select 1 from node_settings l
        where l.cluster_id = s.cluster_id and l.node_id = s.node_id and l.at > s.at and l.at <= ${horizon})
      limit ${ROWS_A_DELETION}) and ${guard}
    returning 1`;
}
