import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { SLOT_MS, TIERS, WHOLE_CLUSTER, WINDOW } from "../../tiers.ts";
import { timeOf } from "./problem.ts";
import type { Findings, Look } from "./problem.ts";

/** More of one kind tell nobody more. */
const MAX_OF_A_KIND = 100;

/** Whether the file itself is whole: its pages, and its indexes beside their tables. */
export async function* fileProblems(look: Look): Findings {
  const rows = await look((db) =>
    db.all<{ integrity_check: string }>(sql`pragma integrity_check(${sql.raw(String(MAX_OF_A_KIND))})`),
  );
  for (const { integrity_check: message } of rows)
    if (message !== "ok") yield { kind: "file", where: "file", message };
}

type Unpaired = {
  what: string;
  clusterId: number;
  nodeId: number;
  boot: number;
  sequence: number;
  start: number;
};

/** A report is a sample and a segment of the same window. */
export async function* pairProblems(look: Look): Findings {
  const rows = await look((db) =>
    db.all<Unpaired>(sql`
    select 'sample' as what, cluster_id as clusterId, node_id as nodeId, boot, sequence, start from samples s
    where tier = ${WINDOW} and not exists (
      select 1 from segments g
      where g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot and g.sequence = s.sequence
        and g.start = s.start and g."end" = s."end")
    union all
    select 'segment', cluster_id, node_id, boot, sequence, start from segments g
    where not exists (
      select 1 from samples s
      where s.cluster_id = g.cluster_id and s.tier = ${WINDOW} and s.node_id = g.node_id and s.start = g.start
        and s.boot = g.boot and s.sequence = g.sequence)
    limit ${MAX_OF_A_KIND}`),
  );
  for (const { what, clusterId, nodeId, boot, sequence, start } of rows)
    yield {
      kind: "unpaired",
      where: `report ${sequence} of boot ${boot}, node ${nodeId}, cluster ${clusterId}, window of ${timeOf(start)}`,
      message: what === "sample" ? "has gauges but no segment" : "has a segment but no gauges",
    };
}

const OF_NODES = ["boots", "segments", "listings", "node_addresses", "node_settings"];
const OF_NODES_OR_CLUSTERS = ["samples", "buckets", "dirty", "owners"];
const OF_CLUSTERS = [
  "nodes",
  "settings",
  "rule_settings",
  "watches",
  "anomalies",
  "anomaly_events",
  "alert_groups",
];

/** Rows whose cluster or node is not there. */
export async function* orphanProblems(look: Look): Findings {
  for (const table of [...OF_NODES, ...OF_NODES_OR_CLUSTERS, ...OF_CLUSTERS]) {
    const rows = await look((db) =>
      db.all<{ clusterId: number; nodeId: number | null; n: number }>(orphansIn(table)),
    );
    for (const { clusterId, nodeId, n } of rows)
      yield {
        kind: "orphan",
        where: `${table}: cluster ${clusterId}${nodeId === null ? "" : `, node ${nodeId}`}`,
        message: `${n} rows of what is not there`,
      };
  }
}

function orphansIn(table: string): SQL {
  const ofCluster = OF_CLUSTERS.includes(table);
  const exempt = OF_NODES_OR_CLUSTERS.includes(table) ? sql`t.node_id = ${WHOLE_CLUSTER} or` : sql``;
  const node = ofCluster ? sql`null` : sql`t.node_id`;
  const hasNode = ofCluster
    ? sql`true`
    : sql`(${exempt} exists (select 1 from nodes n where n.id = t.node_id and n.cluster_id = t.cluster_id))`;
  return sql`
    select t.cluster_id as clusterId, ${node} as nodeId, count(*) as n from ${sql.raw(table)} t
    where not (exists (select 1 from clusters c where c.id = t.cluster_id) and ${hasNode})
    group by 1, 2 limit ${MAX_OF_A_KIND}`;
}

/** Buckets whose start is none of their tier. */
export async function* placeProblems(look: Look): Findings {
  const slots = JSON.stringify(Object.entries(SLOT_MS).map(([tier, ms]) => [Number(tier), ms]));
  for (const table of ["samples", "buckets"]) {
    const rows = await look((db) =>
      db.all<{ clusterId: number; tier: number; nodeId: number; start: number }>(sql`
      select distinct cluster_id as clusterId, tier, node_id as nodeId, start from ${sql.raw(table)}
      where tier <> ${WINDOW} and not exists (
        select 1 from json_each(${slots}) s where s.value ->> 0 = tier and start % (s.value ->> 1) = 0)
      limit ${MAX_OF_A_KIND}`),
    );
    for (const { clusterId, tier, nodeId, start } of rows)
      yield {
        kind: "misplaced",
        where: `${table}: cluster ${clusterId}, node ${nodeId}, ${TIERS[tier] ?? tier} ${timeOf(start)}`,
        message: "no slot of this tier begins then",
      };
  }
}
