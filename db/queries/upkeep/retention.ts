import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import {
  BUCKET_TIERS,
  DAY,
  HOUR,
  MINUTE,
  SLOT_MS,
  slotOf,
  TEN_MINUTES,
  WHOLE_CLUSTER,
  WINDOW,
} from "../../tiers.ts";
import type { BucketTier, Retention, Tier } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";

/** Rows of a kind that one batch deletes: a tick does many, and each holds up reports for some milliseconds. */
export const ROWS_A_DELETION = 500;

const OWNERS_A_LOOK = sql.raw("20000");

/** Of each tier, what begins before is forgotten. */
export type Horizons = Readonly<Record<Tier, number>>;

/** Columns of upkeep, tier by tier: what begins before has been forgotten, or may have been. Nothing is folded from days. */
const KEPT_FROM = {
  [WINDOW]: sql.raw("windows_from"),
  [MINUTE]: sql.raw("minutes_from"),
  [TEN_MINUTES]: sql.raw("ten_minutes_from"),
  [HOUR]: sql.raw("hours_from"),
};
const FOLDED_FROM = [WINDOW, MINUTE, TEN_MINUTES, HOUR] as const;
/** Of a tier, all that one of these is folded from goes at once. */
const FORGOTTEN_BY = {
  [WINDOW]: TEN_MINUTES,
  [MINUTE]: TEN_MINUTES,
  [TEN_MINUTES]: HOUR,
  [HOUR]: DAY,
  [DAY]: DAY,
} as const;

/** From when on a tier is whole: an expression over upkeep. */
export const keptFrom = (tier: Tier): SQL => (tier === DAY ? sql`0` : KEPT_FROM[tier]);

/**
 * Up to where each tier may be forgotten. Nothing is that a bucket is still to be folded from, and of what a bucket is folded
 * from all or nothing.
 */
export async function horizonsAt(db: Db, retention: Retention, now: number): Promise<Horizons> {
  const dirty = await db.all<{ tier: BucketTier; ofCluster: number; start: number }>(sql`
    select tier, node_id = ${WHOLE_CLUSTER} as ofCluster, min(start) as start from dirty group by 1, 2`);
  const before = (tier: Tier, isWaiting: (tier: BucketTier, ofCluster: boolean) => boolean) => {
    const waiting = dirty.filter((mark) => isWaiting(mark.tier, mark.ofCluster === 1));
    const since = Math.min(now - retention[tier], ...waiting.map(({ start }) => start));
    return Math.max(0, slotOf(FORGOTTEN_BY[tier], since));
  };
  return {
    [WINDOW]: before(WINDOW, (tier) => tier <= TEN_MINUTES),
    [MINUTE]: before(MINUTE, (tier, ofCluster) => ofCluster && tier <= TEN_MINUTES),
    [TEN_MINUTES]: before(TEN_MINUTES, (tier) => tier <= HOUR),
    [HOUR]: before(HOUR, () => true),
    [DAY]: before(DAY, () => false),
  };
}

const hasAdvanced = (horizons: Horizons): SQL =>
  sql.join(
    FOLDED_FROM.map((tier) => sql`${KEPT_FROM[tier]} < ${horizons[tier]}`),
    sql` or `,
  );

/** Whether there is more to forget than the last time, or some was left then. */
export async function isToForget(db: Db, horizons: Horizons): Promise<boolean> {
  const rows = await db.all(sql`select 1 from upkeep where forgetting or ${hasAdvanced(horizons)}`);
  return rows.length > 0;
}

/** Deletes some of what is too old, in one batch; how many rows it was. `all`: nothing is left. */
export async function forgetSome(
  db: Db,
  horizons: Horizons,
  guard: SQL,
): Promise<{ rows: number; all: boolean }> {
  const deletions = [
    // Segments first: it is by its sample that the age of one is found.
    ...forgetWindows(horizons[WINDOW], guard),
    ...BUCKET_TIERS.flatMap((tier) => [
      forgetSamples(tier, horizons[tier], guard),
      forgetBuckets(tier, horizons[tier], guard),
    ]),
    forgetListings(horizons[WINDOW], guard),
    forgetAddresses(horizons[WINDOW], guard),
    forgetOwners(horizons[DAY], horizons[WINDOW] / SLOT_MS[TEN_MINUTES], guard),
    forgetNodeSettings(horizons[DAY], guard),
    forgetSettings(guard),
    // Events first: they are found by their anomaly.
    ...forgetAnomalies(horizons[DAY], guard),
  ];
  const answers = await db.batch([
    db.run(advance(horizons, guard)),
    ...deletions.map((deletion) => db.all(deletion)),
    db.run(unseen(guard)),
  ]);
  const counts = answers.slice(1, -1).map((rows) => (rows as unknown[]).length);
  const all = counts.every((count) => count < ROWS_A_DELETION);
  if (all) await db.run(sql`update upkeep set forgetting = 0 where ${guard}`);
  return { rows: counts.reduce((total, count) => total + count, 0), all };
}

function advance(horizons: Horizons, guard: SQL): SQL {
  const columns = FOLDED_FROM.map(
    (tier) => sql`${KEPT_FROM[tier]} = max(${KEPT_FROM[tier]}, ${horizons[tier]})`,
  );
  return sql`
    update upkeep set forgetting = 1, ${sql.join(columns, sql`, `)}
    where (not forgetting or ${hasAdvanced(horizons)}) and ${guard}`;
}

/**
 * Takes back what a clock that ran ahead has set: what began before now may be forgotten, but nothing that begins in a slot that
 * still lasts.
 */
export function notAheadOf(now: number, guard: SQL): SQL {
  const slots = FOLDED_FROM.map((tier) => ({
    column: KEPT_FROM[tier],
    begin: slotOf(FORGOTTEN_BY[tier], now),
  }));
  const columns = slots.map(({ column, begin }) => sql`${column} = min(${column}, ${begin})`);
  const ahead = slots.map(({ column, begin }) => sql`${column} > ${begin}`);
  return sql`update upkeep set ${sql.join(columns, sql`, `)} where (${sql.join(ahead, sql` or `)}) and ${guard}`;
}

/** An id may be given again once the newest rows are gone: what comes next must be above what was looked at, and judged. */
export const unseen = (guard: SQL = sql`true`): SQL => sql`
  update upkeep set seen = min(seen, coalesce((select max(id) from segments), 0)),
    judged = min(judged, coalesce((select max(id) from segments), 0))
  where max(seen, judged) > coalesce((select max(id) from segments), 0) and ${guard}`;

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

/** All are looked through: a few of each node. */
function forgetAddresses(horizon: number, guard: SQL): SQL {
  return sql`
    delete from node_addresses
    where (cluster_id, address, node_id) in (
      select cluster_id, address, node_id from node_addresses
      where until < ${horizon - MAX_WINDOW_MS} limit ${ROWS_A_DELETION}) and ${guard}
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

/** Contents that no node is said to have had; what is said of them is looked through once, and not once a content. */
function forgetSettings(guard: SQL): SQL {
  return sql`
    delete from settings
    where id in (
      select id from settings where id not in (select settings_id from node_settings) limit ${ROWS_A_DELETION})
      and ${guard}
    returning 1`;
}

/** What is open stays, however old. */
function forgetAnomalies(horizon: number, guard: SQL): SQL[] {
  const old = sql`
    from clusters c cross join anomalies a on a.cluster_id = c.id and a.opened_at < ${horizon}
    where a.resolved_at < ${horizon}`;
  return [
    sql`
      delete from anomaly_events
      where id in (
        select e.id from (select a.id ${old}) a cross join anomaly_events e on e.anomaly_id = a.id
        limit ${ROWS_A_DELETION}) and ${guard}
      returning 1`,
    sql`
      delete from anomalies
      where id in (
        select a.id ${old} and not exists (select 1 from anomaly_events e where e.anomaly_id = a.id)
        limit ${ROWS_A_DELETION}) and ${guard}
      returning 1`,
  ];
}
