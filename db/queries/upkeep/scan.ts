import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { decodeParts } from "../../details.ts";
import { SegmentError } from "../../segment.ts";
import { MINUTE, SLOT_MS, slotOf, TEN_MINUTES, WHOLE_CLUSTER } from "../../tiers.ts";
import { applyStatements } from "../facts.ts";
import type { Applied, Statement } from "../facts.ts";
import { MAX_WINDOW_MS } from "../reports.ts";

/** Rows and bytes of details that are read at once: some milliseconds, in which nothing else happens on Node. */
const PAGE_ROWS = 400;
const PAGE_BYTES = 1_000_000;
/** Details decoded between two turns of the event loop. */
const DETAILS_A_TURN = 32;

/** Written out: a number that is bound is a double to libSQL, and does not divide as an integer. */
const MINUTE_MS = sql.raw(String(SLOT_MS[MINUTE]));
const TEN_MINUTES_MS = sql.raw(String(SLOT_MS[TEN_MINUTES]));

/** A report that came since the last look. */
type Row = {
  id: number;
  clusterId: number;
  nodeId: number;
  boot: number;
  sequence: number;
  start: number;
  end: number;
  details: ArrayBuffer | number[] | null;
};

export type Scanned = { reports: number; damaged: number };
type Mark = [clusterId: number, tier: number, nodeId: number, start: number];

/** How far there are reports. */
export async function lastReport(db: Db): Promise<number> {
  const [row] = await db.all<{ id: number }>(sql`select coalesce(max(id), 0) as id from segments`);
  return row?.id ?? 0;
}

/**
 * Looks at the next reports, up to that of id `until`: takes over what they say of owners and settings, and marks the
 * buckets they belong to, all in one batch. Undefined where there are none; none where their cluster was deleted meanwhile.
 */
export async function scanPage(db: Db, until: number, lease: SQL): Promise<Scanned | undefined> {
  const rows = await db.all<Row>(page(until));
  const last = rows.at(-1);
  if (!last) return undefined;
  const guard = sql`(${lease} and ${isThere(last)})`;
  const writes: SQL[] = [];
  let damaged = 0;
  for (const [clusterId, ofCluster] of Map.groupBy(rows, (row) => row.clusterId)) {
    const read = await statementsOf(ofCluster);
    damaged += read.damaged;
    const there = sql`(${guard} and exists (select 1 from clusters where id = ${clusterId}))`;
    const applied = await applyStatements(db, clusterId, read.statements, there);
    writes.push(...applied.writes, ...marksOf(clusterId, ofCluster, applied.changed, there));
  }
  writes.push(wholeTenMinutes(guard));
  const seen = db.all(sql`update upkeep set seen = ${last.id} where ${guard} returning 1`);
  const answers = await db.batch([seen, ...writes.map((write) => db.run(write))]);
  return answers[0].length > 0 ? { reports: rows.length, damaged } : { reports: 0, damaged: 0 };
}

/**
 * Ids are given again once the newest rows are gone: where the last one read is another by now, or none, reports that nobody
 * read may have ids below it.
 */
const isThere = ({ id, clusterId, nodeId, boot, sequence }: Row): SQL => sql`exists (
  select 1 from segments
  where id = ${id} and cluster_id = ${clusterId} and node_id = ${nodeId} and boot = ${boot} and sequence = ${sequence})`;

/** Sizes are added up before any details are read. */
function page(until: number): SQL {
  return sql`
    with sized as (
      select id, size, sum(size) over (order by id rows unbounded preceding) as bytes
      from (
        select id, coalesce(length(details), 0) as size from segments
        where id > (select seen from upkeep) and id <= ${until} order by id limit ${PAGE_ROWS})
    )
    select g.id, g.cluster_id as clusterId, g.node_id as nodeId, g.boot, g.sequence, g.start, g.end, g.details
    from sized cross join segments g on g.id = sized.id
    where sized.bytes - sized.size < ${PAGE_BYTES}
    order by g.id`;
}

/** Details that do not decode are counted and passed over: no report may hold up the others. */
async function statementsOf(rows: readonly Row[]): Promise<{ statements: Statement[]; damaged: number }> {
  const statements: Statement[] = [];
  let damaged = 0;
  for (const [i, { nodeId, start, end, details }] of rows.entries()) {
    if (i % DETAILS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (!details) continue;
    try {
      const { owners, host } = decodeParts(new Uint8Array(details), ["owners", "host"]);
      if (owners !== undefined || host !== undefined)
        statements.push({ nodeId, from: start, to: end, owners, host });
    } catch (error) {
      if (!(error instanceof SegmentError)) throw error;
      damaged += 1;
    }
  }
  return { statements, damaged };
}

/** Marks the buckets that the windows reach into, and those whose owners are others than before. */
function marksOf(clusterId: number, rows: readonly Row[], changed: Applied["changed"], guard: SQL): SQL[] {
  const marks = new Map<string, Mark>();
  for (const { nodeId, start, end } of rows)
    for (const [tier, of] of [
      [TEN_MINUTES, nodeId],
      [MINUTE, WHOLE_CLUSTER],
    ] as const)
      for (let slot = slotOf(tier, start); slot < end; slot += SLOT_MS[tier])
        marks.set(`${tier} ${of} ${slot}`, [clusterId, tier, of, slot]);
  return [
    sql`
      insert or ignore into dirty (cluster_id, tier, node_id, start)
      select value ->> 0, value ->> 1, value ->> 2, value ->> 3
      from json_each(${JSON.stringify([...marks.values()])}) where ${guard}`,
    ...(changed.length > 0 ? [markChanged(clusterId, changed, guard)] : []),
  ];
}

/** Each window in a range marks the slots of its begin and of its end, and those between. */
function markChanged(clusterId: number, changed: Applied["changed"], guard: SQL): SQL {
  const ranges = changed.map(({ nodeId, from, to }) => [nodeId, from, Math.min(to, Number.MAX_SAFE_INTEGER)]);
  const slots = JSON.stringify([...Array(MAX_WINDOW_MS / SLOT_MS[MINUTE] + 1).keys()]);
  const slot = sql`(s.start / ${MINUTE_MS} + o.value) * ${MINUTE_MS}`;
  return sql`
    insert or ignore into dirty (cluster_id, tier, node_id, start)
    with minutes as (
      select distinct s.node_id, ${slot} as minute
      from json_each(${JSON.stringify(ranges)}) r
      cross join samples s on s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = r.value ->> 0
        and s.start > (r.value ->> 1) - ${MAX_WINDOW_MS} and s.start < r.value ->> 2 and s.end > r.value ->> 1
      cross join json_each(${slots}) o
      where ${slot} < s.end
    )
    select ${clusterId}, ${MINUTE}, ${WHOLE_CLUSTER}, minute from minutes where ${guard}
    union
    select ${clusterId}, ${TEN_MINUTES}, node_id, minute / ${TEN_MINUTES_MS} * ${TEN_MINUTES_MS}
    from minutes where ${guard}`;
}

/** Where minutes were forgotten, ten minutes can be folded anew only when all of its minutes are. */
function wholeTenMinutes(guard: SQL): SQL {
  const minutes = JSON.stringify(
    [...Array(SLOT_MS[TEN_MINUTES] / SLOT_MS[MINUTE]).keys()].map((minute) => minute * SLOT_MS[MINUTE]),
  );
  return sql`
    insert or ignore into dirty (cluster_id, tier, node_id, start)
    select distinct d.cluster_id, d.tier, d.node_id,
      d.start / ${TEN_MINUTES_MS} * ${TEN_MINUTES_MS} + m.value
    from dirty d cross join json_each(${minutes}) m
    where d.tier = ${MINUTE} and d.start < (select minutes_from from upkeep) and ${guard}`;
}
