import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { AGGREGATES, finerTier, SLOT_MS, WHOLE_CLUSTER, WINDOW } from "../../tiers.ts";
import type { Aggregate, BucketTier } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";
import { aggregateRow, anyGauge, BUCKET_COLUMNS, COUNTS, each, GAUGES, sumOf } from "./aggregate.ts";
import type { BucketSlot, RowOf } from "./aggregate.ts";

/** Buckets of one cluster and slot: of these nodes, or of the cluster where the one id is WHOLE_CLUSTER. */
export type Buckets = { clusterId: number; tier: BucketTier; start: number; nodeIds: readonly number[] };

/** Rows of samples of these buckets, as they follow from the finer tier: BUCKET_COLUMNS. */
export function sampleRows(buckets: Buckets): SQL {
  const finer = finerTier(buckets.tier, buckets.nodeIds[0] ?? WHOLE_CLUSTER);
  if (finer !== WINDOW) return together(buckets, ofBuckets(buckets, finer));
  const rows = buckets.nodeIds[0] === WHOLE_CLUSTER ? ofCluster(slotOf(buckets)) : OF_NODES;
  return sql`with w as materialized (${windowsOf(buckets)}) ${together(buckets, rows)}`;
}

const slotOf = ({ start, tier }: BucketSlot) => ({ start, end: start + SLOT_MS[tier] });

const together = (slot: BucketSlot, rows: readonly RowOf[]): SQL =>
  sql.join(
    rows.map((row) => aggregateRow(slot, row)),
    sql` union all `,
  );

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
  const end = start + SLOT_MS[tier];
  return sql`
    select s.*, iif(s.start >= ${start}, 1, null) as begins,
      coalesce(s.count, s.entries) * 1.0 / nullif(s.max, 0) as u,
      ${NEW_FROM} as new_from,
      row_number() over (
        partition by s.node_id
        order by s.start desc, s."end" desc, s.sequence desc, (select boot_id from boots where id = s.boot) desc
      ) = 1 as latest
    from ${nodes} n
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${WINDOW} and s.node_id = n.id
      and s.start > ${start - MAX_WINDOW_MS} and s.start < ${end}
    where s."end" > ${start}`;
}

/** From when on a window covers what none before it did: those of two boots, or of a clock set back, may overlap. */
const NEW_FROM = sql.raw(`max(s.start, coalesce(max(s."end") over (
  partition by s.node_id order by s.start, s."end", s.boot, s.sequence
  rows between unbounded preceding and 1 preceding), 0))`);

const BY_NODE = sql`from w group by node_id`;
const begun = (column: string) => sumOf(`iif(begins, ${column}, null)`);
/** Of a node, as its counts: those of a window, and the time they were counted in, stand where it begins. */
const COVERED_MS = sumOf(`iif(begins, max(0, "end" - new_from), 0)`);
/** Of how many windows the sum is, where that is not all that begin in the slot. */
const known = (column: string) => `nullif(nullif(count(${column}), 0), count(begins))`;

const OF_NODES: readonly RowOf[] = [
  { aggregate: "max", gauge: (column) => `max(${column})`, utilisation: "max(u)", from: BY_NODE },
  { aggregate: "min", gauge: (column) => `min(${column})`, utilisation: "min(u)", from: BY_NODE },
  { aggregate: "last", gauge: (column) => column, utilisation: "u", from: sql`from w where latest` },
  {
    aggregate: "sum",
    gauge: sumOf,
    count: begun,
    windows: "count(begins)",
    coveredMs: COVERED_MS,
    from: BY_NODE,
  },
  { aggregate: "known", gauge: known, from: sql`${BY_NODE} having ${anyGauge(known)}` },
];

/** A minute of a cluster: each node by itself, then all of them added up. */
const acrossNodes = (
  aggregate: Aggregate,
  gauge: (column: string) => string,
  of: { u: string; from: SQL },
): RowOf => ({
  aggregate,
  nodeId: String(WHOLE_CLUSTER),
  gauge: sumOf,
  utilisation: "max(u)",
  from: sql`from (select ${each(GAUGES, gauge)}, ${sql.raw(of.u)} as u ${of.from}) having count(*) > 0`,
});

/** Of a cluster, whose nodes have windows of any length: what of the slot is covered, at most all of it. */
const coveredOf = ({ start, end }: { start: number; end: number }): SQL =>
  sql`cast(sum(max(0, min("end", ${end}) - max(new_from, ${start}))) as integer)`;

const ofCluster = (slot: { start: number; end: number }): readonly RowOf[] => [
  { ...acrossNodes("max", (column) => `max(${column})`, { u: "max(u)", from: BY_NODE }), nodes: "count(*)" },
  acrossNodes("min", (column) => `min(${column})`, { u: "min(u)", from: BY_NODE }),
  acrossNodes("last", (column) => column, { u: "u", from: sql`from w where latest` }),
  {
    aggregate: "sum",
    nodeId: String(WHOLE_CLUSTER),
    gauge: sumOf,
    count: sumOf,
    windows: "1",
    coveredMs: "max(covered)",
    from: sql`
      from (
        select ${each(GAUGES, (column) => `cast(round(avg(${column})) as integer)`)}, ${each(COUNTS, begun)},
          ${coveredOf(slot)} as covered
        ${BY_NODE}
      ) having count(*) > 0`,
  },
];

function ofBuckets({ clusterId, tier, start, nodeIds }: Buckets, finer: BucketTier): readonly RowOf[] {
  const rowsOf = (aggregate: Aggregate, more = sql``) => sql`
    from json_each(${JSON.stringify(nodeIds)}) n
    cross join samples f on f.cluster_id = ${clusterId} and f.tier = ${finer} and f.node_id = n.value
      and f.start >= ${start} and f.start < ${start + SLOT_MS[tier]} and f.sequence = ${AGGREGATES[aggregate]}
    ${more}`;
  const byNode = sql`group by f.node_id`;
  const nodeId = "f.node_id";
  return [
    {
      aggregate: "max",
      gauge: (column) => `max(f.${column})`,
      utilisation: "max(f.utilisation)",
      nodeId,
      nodes: "max(f.nodes)",
      from: rowsOf("max", byNode),
    },
    {
      aggregate: "min",
      gauge: (column) => `min(f.${column})`,
      utilisation: "min(f.utilisation)",
      nodeId,
      from: rowsOf("min", byNode),
    },
    {
      aggregate: "last",
      gauge: (column) => column,
      utilisation: "utilisation",
      from: sql`from (select f.*, f.start = max(f.start) over (partition by f.node_id) as latest ${rowsOf("last")})
        where latest`,
    },
    {
      aggregate: "sum",
      nodeId,
      gauge: (column) => sumOf(`f.${column}`),
      count: (column) => sumOf(`f.${column}`),
      windows: "sum(f.windows)",
      coveredMs: sumOf("f.covered_ms"),
      from: rowsOf("sum", byNode),
    },
    {
      aggregate: "known",
      nodeId,
      gauge: ofHowMany,
      from: rowsOf("sum", sql`${KNOWN_OF_SUM} ${byNode} having ${anyGauge(ofHowMany)}`),
    },
  ];
}

const KNOWN_OF_SUM = sql`
  left join samples k on k.cluster_id = f.cluster_id and k.tier = f.tier and k.node_id = f.node_id
    and k.start = f.start and k.boot = 0 and k.sequence = ${AGGREGATES.known}`;

/** Added up of what is known: of a sum without a row that says so, all of its windows. */
const ofHowMany = (column: string) =>
  `nullif(nullif(cast(total(iif(f.${column} is null, 0, coalesce(k.${column}, f.windows))) as integer), 0), sum(f.windows))`;
