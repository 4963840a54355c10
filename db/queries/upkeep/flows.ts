import { sql } from "drizzle-orm";
import { decodeBucket, SegmentError } from "../../bucket.ts";
import type { Db } from "../../client.ts";
import { cleanText } from "../../facts/words.ts";
import { ClusterFold, foldBuckets, foldWindows } from "../../fold.ts";
import type { Slot } from "../../fold.ts";
import { CLUSTER_DIMENSIONS, NODE_DIMENSIONS } from "../../fold/table.ts";
import type { Bucket, Dimension } from "../../fold/table.ts";
import { finerTier, SLOT_MS, WHOLE_CLUSTER, WINDOW } from "../../tiers.ts";
import type { BucketTier } from "../../tiers.ts";
import { holdersIn } from "../facts.ts";
import { MAX_WINDOW_MS } from "../reports.ts";
import type { Buckets } from "./samples.ts";
import { nodeWindows } from "./windows.ts";

/** Nodes whose holders are read at once: some thousands. */
const NODES_AT_ONCE = 100;

/** The flows of one bucket; undefined where nothing finer has any. `damaged`: what of the finer tier does not decode. */
export type FlowBucket = { nodeId: number; bucket: Bucket | undefined; damaged: number };

/** The flows of these buckets, as they follow from the finer tier; of nodes without any there may be none. */
export function flowBuckets(db: Db, buckets: Buckets): AsyncGenerator<FlowBucket> {
  const finer = finerTier(buckets.tier, buckets.nodeIds[0] ?? WHOLE_CLUSTER);
  if (finer !== WINDOW) return ofBuckets(db, buckets, finer);
  return buckets.nodeIds[0] === WHOLE_CLUSTER ? ofCluster(db, buckets) : ofNodes(db, buckets);
}

const slotOf = ({ tier, start }: Buckets) => ({ start, end: start + SLOT_MS[tier] });

async function* ofNodes(db: Db, buckets: Buckets): AsyncGenerator<FlowBucket> {
  const { clusterId, nodeIds } = buckets;
  const slot = slotOf(buckets);
  const holders = await holdersIn(db, clusterId, { ...reachOf(buckets), nodeIds });
  for await (const { nodeId, windows, damaged } of nodeWindows(db, { clusterId, slot, nodeIds }))
    yield {
      nodeId,
      bucket: windows.length > 0 ? foldWindows(slot, windows, holders(nodeId)) : undefined,
      damaged,
    };
}

/** By name, since the ids of nodes depend on which was heard of first. */
async function* ofCluster(db: Db, buckets: Buckets): AsyncGenerator<FlowBucket> {
  const { clusterId } = buckets;
  const slot = slotOf(buckets);
  const nodes = await nodesWithWindows(db, clusterId, slot);
  const fold = new ClusterFold(slot);
  let windowsFolded = 0;
  let damaged = 0;
  for (let at = 0; at < nodes.length; at += NODES_AT_ONCE) {
    const names = new Map(nodes.slice(at, at + NODES_AT_ONCE).map(({ id, name }) => [id, cleanText(name)]));
    const nodeIds = [...names.keys()];
    const holders = await holdersIn(db, clusterId, { ...reachOf(buckets), nodeIds });
    for await (const node of nodeWindows(db, { clusterId, slot, nodeIds })) {
      fold.add(names.get(node.nodeId) ?? "", node.windows, holders(node.nodeId));
      windowsFolded += node.windows.length;
      damaged += node.damaged;
    }
  }
  yield { nodeId: WHOLE_CLUSTER, bucket: windowsFolded > 0 ? fold.finish() : undefined, damaged };
}

function nodesWithWindows(db: Db, clusterId: number, slot: Slot): Promise<{ id: number; name: string }[]> {
  return db.all(sql`
    select id, name from nodes n
    where cluster_id = ${clusterId} and exists (
      select 1 from samples
      where cluster_id = ${clusterId} and tier = ${WINDOW} and node_id = n.id
        and start > ${slot.start - MAX_WINDOW_MS} and start < ${slot.end})
    order by name`);
}

/** A window that reaches into the slot has its holders of all its length. */
const reachOf = ({ start, tier }: Buckets) => ({
  from: start - MAX_WINDOW_MS,
  to: start + SLOT_MS[tier] + MAX_WINDOW_MS,
});

async function* ofBuckets(db: Db, buckets: Buckets, finer: BucketTier): AsyncGenerator<FlowBucket> {
  const { clusterId, nodeIds } = buckets;
  const { start, end } = slotOf(buckets);
  for (const nodeId of nodeIds) {
    const rows = await db.all<BucketRow>(sql`
      select data from buckets
      where cluster_id = ${clusterId} and tier = ${finer} and node_id = ${nodeId}
        and start >= ${start} and start < ${end} order by start`);
    const damaged = new Set<BucketRow>();
    const bucket: Bucket = {};
    for (const dimension of nodeId === WHOLE_CLUSTER ? CLUSTER_DIMENSIONS : NODE_DIMENSIONS)
      Object.assign(bucket, foldBuckets(await tablesOf(rows, dimension, damaged)));
    yield { nodeId, bucket: rows.length > damaged.size ? bucket : undefined, damaged: damaged.size };
  }
}

type BucketRow = { data: ArrayBuffer | number[] };

/** Of these buckets; those that do not decode are put among the damaged. */
async function tablesOf(
  rows: readonly BucketRow[],
  dimension: Dimension,
  damaged: Set<BucketRow>,
): Promise<Bucket[]> {
  const found: Bucket[] = [];
  for (const row of rows) {
    const table = decoded(row.data, dimension);
    if (table) found.push(table);
    else damaged.add(row);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}

/** One table at a time: all of a day's hours at once would take more than the memory of a Worker. */
function decoded(data: ArrayBuffer | number[], dimension: Dimension): Bucket | undefined {
  try {
    return decodeBucket(new Uint8Array(data), [dimension]);
  } catch (error) {
    if (error instanceof SegmentError) return undefined;
    throw error;
  }
}
