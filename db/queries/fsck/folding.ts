import { sql } from "drizzle-orm";
import { decodeBucket, encodeBucket } from "../../bucket.ts";
import type { Db } from "../../client.ts";
import { isDatabaseFailure } from "../../failure.ts";
import type { Bucket } from "../../fold/table.ts";
import { SegmentError } from "../../segment.ts";
import { BUCKET_TIERS, finerTier, MINUTE, SLOT_MS, TIERS, WHOLE_CLUSTER, WINDOW } from "../../tiers.ts";
import { BUCKET_COLUMNS } from "../upkeep/aggregate.ts";
import { encodedToFit } from "../upkeep/encoded.ts";
import { flowBuckets } from "../upkeep/flows.ts";
import { keptFrom } from "../upkeep/retention.ts";
import { sampleRows } from "../upkeep/samples.ts";
import type { Buckets } from "../upkeep/samples.ts";
import { timeOf } from "./problem.ts";
import type { Checked, Findings, Look, Problem, ProblemKind } from "./problem.ts";

/** Nodes whose buckets of a slot are compared in one look. */
const NODES_A_LOOK = 50;

/** Each bucket against what its finer tier says, where that is whole and the bucket is not to be folded anew. */
export async function* foldingProblems(look: Look, checked: Checked): Findings {
  const clusters = await look((db) => db.all<{ id: number }>(sql`select id from clusters order by id`));
  for (const { id } of clusters)
    for (const tier of BUCKET_TIERS) {
      yield* ofTier(look, { clusterId: id, tier, nodeIds: [WHOLE_CLUSTER] }, checked);
      if (tier === MINUTE) continue;
      const nodes = await look((db) =>
        db.all<{ id: number }>(sql`select id from nodes where cluster_id = ${id} order by id`),
      );
      const nodeIds = nodes.map((node) => node.id);
      for (let at = 0; at < nodeIds.length; at += NODES_A_LOOK)
        yield* ofTier(look, { clusterId: id, tier, nodeIds: nodeIds.slice(at, at + NODES_A_LOOK) }, checked);
    }
}

type OfTier = Omit<Buckets, "start">;

/** Slot by slot, as far as there is anything in this tier or the finer one. */
async function* ofTier(look: Look, of: OfTier, checked: Checked): Findings {
  for (const start of await look((db) => slotsOf(db, of)))
    yield* await look((db) => ofLot(db, { ...of, start }, checked));
}

async function slotsOf(db: Db, { clusterId, tier, nodeIds }: OfTier): Promise<number[]> {
  const isCluster = nodeIds[0] === WHOLE_CLUSTER;
  const finer = finerTier(tier, nodeIds[0] ?? WHOLE_CLUSTER);
  const ids = JSON.stringify(nodeIds);
  const finerNodes =
    finer === WINDOW && isCluster
      ? sql`(select id as value from nodes where cluster_id = ${clusterId})`
      : sql`json_each(${ids})`;
  const ms = sql.raw(String(SLOT_MS[tier]));
  const rows = await db.all<{ start: number }>(sql`
    select distinct slot as start from (
      select s.start / ${ms} * ${ms} as slot from json_each(${ids}) n
        cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${tier} and s.node_id = n.value
      union all
      select s.start / ${ms} * ${ms} from json_each(${ids}) n
        cross join buckets s on s.cluster_id = ${clusterId} and s.tier = ${tier} and s.node_id = n.value
      union all
      select s.start / ${ms} * ${ms} from ${finerNodes} n
        cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${finer} and s.node_id = n.value
      union all
      select (s."end" - 1) / ${ms} * ${ms} from ${finerNodes} n
        cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${finer} and s.node_id = n.value
    ) where slot >= (select max(${keptFrom(tier)}, ${keptFrom(finer)}) from upkeep) order by 1`);
  return rows.map(({ start }) => start);
}

async function ofLot(db: Db, all: Buckets, checked: Checked): Promise<Problem[]> {
  const waiting = await waitingIn(db, all);
  const lot = { ...all, nodeIds: all.nodeIds.filter((id) => !waiting.has(id)) };
  if (lot.nodeIds.length === 0) return [];
  checked.recomputed += lot.nodeIds.length;
  const flows = await differingFlows(db, lot);
  const gauges = await differingGauges(db, lot);
  return [...flows, ...gauges];
}

/** Whose buckets are still to be folded: marked, or with a part that is, or with reports nobody has looked at. */
async function waitingIn(db: Db, { clusterId, tier, start, nodeIds }: Buckets): Promise<Set<number>> {
  const end = start + SLOT_MS[tier];
  const isCluster = nodeIds[0] === WHOLE_CLUSTER;
  const finer = finerTier(tier, nodeIds[0] ?? WHOLE_CLUSTER);
  const rows = await db.all<{ id: number }>(sql`
    select node_id as id from dirty where cluster_id = ${clusterId} and tier = ${tier} and start = ${start}
    union
    select node_id from dirty
    where cluster_id = ${clusterId} and tier = ${finer} and start >= ${start} and start < ${end}
    union
    select ${isCluster ? sql`${WHOLE_CLUSTER}` : sql`node_id`} from segments
    where ${finer} = ${WINDOW} and id > (select seen from upkeep) and cluster_id = ${clusterId}
      and start < ${end} and "end" > ${start}`);
  return new Set(rows.map(({ id }) => id));
}

async function differingFlows(db: Db, lot: Buckets): Promise<Problem[]> {
  const stored = await db.all<{ nodeId: number; data: ArrayBuffer }>(sql`
    select node_id as nodeId, data from buckets
    where cluster_id = ${lot.clusterId} and tier = ${lot.tier} and start = ${lot.start}
      and node_id in (select value from json_each(${JSON.stringify(lot.nodeIds)}))`);
  const left = new Map(stored.map(({ nodeId, data }) => [nodeId, new Uint8Array(data)]));
  const problems: Problem[] = [];
  try {
    for await (const { nodeId, bucket } of flowBuckets(db, lot)) {
      const message = difference(left.get(nodeId), bucket);
      if (message !== undefined) problems.push(problemAt("flows-differ", lot, nodeId, message));
      left.delete(nodeId);
    }
  } catch (error) {
    if (isDatabaseFailure(error)) throw error;
    problems.push(problemAt("unfoldable", lot, lot.nodeIds[0] ?? WHOLE_CLUSTER, String(error)));
    left.clear();
  }
  for (const nodeId of left.keys())
    problems.push(
      problemAt("flows-differ", lot, nodeId, "is there, but nothing that it could be folded from"),
    );
  return problems;
}

/** Undefined where they are the same, and where the stored one cannot be read, which is said elsewhere. */
function difference(stored: Uint8Array | undefined, folded: Bucket | undefined): string | undefined {
  const wanted = folded && encodedToFit(folded);
  if (!stored) return wanted && "is not there";
  if (!wanted) return "is there, but nothing that it could be folded from";
  try {
    // Encoded anew: another version of zlib may have given other bytes for the same.
    return isEqual(encodeBucket(decodeBucket(stored)), wanted) ? undefined : "is not what folding gives";
  } catch (error) {
    if (error instanceof SegmentError) return undefined;
    throw error;
  }
}

const isEqual = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, i) => byte === other[i]);

async function differingGauges(db: Db, lot: Buckets): Promise<Problem[]> {
  const rows = await db.all<{ nodeId: number }>(sql`
    with folded as materialized (${sampleRows(lot)}),
      stored as materialized (
        select ${BUCKET_COLUMNS} from samples
        where cluster_id = ${lot.clusterId} and tier = ${lot.tier} and start = ${lot.start}
          and node_id in (select value from json_each(${JSON.stringify(lot.nodeIds)})))
    select distinct node_id as nodeId from (
      select * from (select * from folded except select * from stored)
      union all
      select * from (select * from stored except select * from folded))`);
  return rows.map(({ nodeId }) => problemAt("gauges-differ", lot, nodeId, "is not what folding gives"));
}

const problemAt = (
  kind: ProblemKind,
  { clusterId, tier, start }: Buckets,
  nodeId: number,
  message: string,
): Problem => ({
  kind,
  where: `${kind === "gauges-differ" ? "sample" : "bucket"}: cluster ${clusterId}, node ${nodeId}, ${TIERS[tier]} ${timeOf(start)}`,
  message,
});
