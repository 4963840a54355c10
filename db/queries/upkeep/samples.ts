import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { AGGREGATES, finerTier, SLOT_MS, WHOLE_CLUSTER, WINDOW } from "../../tiers.ts";
import type { BucketTier } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";
import { BUCKET_COLUMNS, bucketRows, COUNTS, each, GAUGES, sumOf } from "./aggregate.ts";

/** Buckets of one cluster and slot: of these nodes, or of the cluster where the one id is WHOLE_CLUSTER. */
export type Buckets = { clusterId: number; tier: BucketTier; start: number; nodeIds: readonly number[] };

/** Rows of samples of these buckets, as they follow from the finer tier. */
export function sampleRows(buckets: Buckets): SQL {
  const finer = finerTier(buckets.tier, buckets.nodeIds[0] ?? WHOLE_CLUSTER);
  if (finer !== WINDOW) return bucketRows(buckets, ofBuckets(buckets, finer));
  const isCluster = buckets.nodeIds[0] === WHOLE_CLUSTER;
  return bucketRows(buckets, isCluster ? together(windowsOf(buckets)) : ofWindows(windowsOf(buckets)));
}

/** Writes them anew. */
export function writeSamples(buckets: Buckets, guard: SQL): SQL[] {
  const { clusterId, tier, start, nodeIds } = buckets;
  return [
    sql`
      delete from samples
      where cluster_id = ${clusterId} and tier = ${tier} and start = ${start}
        and node_id in (select value from json_each(${JSON.stringify(nodeIds)})) and ${guard}`,
    sql`
      insert into samples (${BUCKET_COLUMNS})
      select * from (${sampleRows(buckets)}) where ${guard}`,
  ];
}

/**
 * Windows that reach into the slot, and whether they begin in it and are the latest of their node. CROSS JOIN keeps the
 * nodes outside: each is then one seek into its own time. The id of a boot depends on what was stored first, its name does not.
 */
function windowsOf({ clusterId, tier, start, nodeIds }: Buckets): SQL {
  const nodes =
    nodeIds[0] === WHOLE_CLUSTER
      ? sql`(select id from nodes where cluster_id = ${clusterId})`
      : sql`(select value as id from json_each(${JSON.stringify(nodeIds)}))`;
  return sql`
    select s.*, iif(s.start >= ${start}, 1, null) as begins,
      coalesce(s.count, s.entries) * 1.0 / nullif(s.max, 0) as u,
      row_number() over (
        partition by s.node_id
        order by s.start desc, s."end" desc, s.sequence desc, (select boot_id from boots where id = s.boot) desc
      ) = 1 as latest
    from ${nodes} n
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${WINDOW} and s.node_id = n.id
      and s.start > ${start - MAX_WINDOW_MS} and s.start < ${start + SLOT_MS[tier]}
    where s."end" > ${start}`;
}

function ofWindows(windows: SQL): SQL {
  const gauge = (column: string, x: string) =>
    `max(${column}) as max_${x}, min(${column}) as min_${x}, max(iif(latest, ${column}, null)) as last_${x},
      ${sumOf(column)} as sum_${x}, count(${column}) as n_${x}`;
  return sql`
    select node_id, ${each(GAUGES, gauge)},
      ${each(COUNTS, (column) => `${sumOf(`iif(begins, ${column}, null)`)} as ${column}`)},
      count(begins) as windows, ${sql.raw(sumOf(`iif(begins, "end" - start, 0)`))} as covered_ms,
      max(u) as max_u, min(u) as min_u, max(iif(latest, u, null)) as last_u, null as nodes
    from (${windows}) group by node_id`;
}

/** A minute of a cluster: each node by itself, then all of them added up. Its gauges are those of one moment. */
function together(windows: SQL): SQL {
  const ofNode = (column: string, x: string) =>
    `max(${column}) as max_${x}, min(${column}) as min_${x}, max(iif(latest, ${column}, null)) as last_${x},
      cast(round(avg(${column})) as integer) as avg_${x}`;
  const ofCluster = (_: string, x: string) =>
    `${sumOf(`max_${x}`)} as max_${x}, ${sumOf(`min_${x}`)} as min_${x}, ${sumOf(`last_${x}`)} as last_${x},
      ${sumOf(`avg_${x}`)} as sum_${x}, iif(count(avg_${x}) > 0, 1, 0) as n_${x}`;
  return sql`
    select ${WHOLE_CLUSTER} as node_id, ${each(GAUGES, ofCluster)},
      ${each(COUNTS, (column) => `${sumOf(column)} as ${column}`)},
      1 as windows, max(covered_ms) as covered_ms,
      max(max_u) as max_u, max(min_u) as min_u, max(last_u) as last_u, count(*) as nodes
    from (
      select ${each(GAUGES, ofNode)},
        ${each(COUNTS, (column) => `${sumOf(`iif(begins, ${column}, null)`)} as ${column}`)},
        ${sql.raw(sumOf(`iif(begins, "end" - start, 0)`))} as covered_ms,
        max(u) as max_u, min(u) as min_u, max(iif(latest, u, null)) as last_u
      from (${windows}) group by node_id
    ) having count(*) > 0`;
}

/** Joined to each row of sums is what it is the sum of, where it is not of all windows. */
function ofBuckets({ clusterId, tier, start, nodeIds }: Buckets, finer: BucketTier): SQL {
  const { max, min, last, sum, known } = AGGREGATES;
  const row = (aggregate: number, column: string) => `iif(f.sequence = ${aggregate}, f.${column}, null)`;
  const gauge = (column: string, x: string) =>
    `max(${row(max, column)}) as max_${x}, min(${row(min, column)}) as min_${x},
      max(iif(latest, ${row(last, column)}, null)) as last_${x}, ${sumOf(row(sum, column))} as sum_${x},
      cast(total(iif(${row(sum, column)} is null, 0, coalesce(k.${column}, f.windows))) as integer) as n_${x}`;
  return sql`
    select f.node_id, ${each(GAUGES, gauge)},
      ${each(COUNTS, (column) => `${sumOf(`f.${column}`)} as ${column}`)},
      sum(f.windows) as windows, ${sql.raw(sumOf("f.covered_ms"))} as covered_ms,
      ${sql.raw(`max(${row(max, "utilisation")}) as max_u, min(${row(min, "utilisation")}) as min_u,
        max(iif(latest, ${row(last, "utilisation")}, null)) as last_u`)}, max(f.nodes) as nodes
    from (
      select s.*, s.start = max(s.start) over (partition by s.node_id) as latest
      from json_each(${JSON.stringify(nodeIds)}) n
      cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${finer} and s.node_id = n.value
        and s.start >= ${start} and s.start < ${start + SLOT_MS[tier]}
    ) f
    left join samples k on f.sequence = ${sum} and k.cluster_id = ${clusterId} and k.tier = ${finer}
      and k.node_id = f.node_id and k.start = f.start and k.boot = 0 and k.sequence = ${known}
    group by f.node_id`;
}
