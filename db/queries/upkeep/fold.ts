import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import {
  coarserTier,
  DAY,
  HOUR,
  MINUTE,
  SETTLE_MS,
  SLOT_MS,
  slotOf,
  TEN_MINUTES,
  WHOLE_CLUSTER,
  WINDOW,
} from "../../tiers.ts";
import type { BucketTier } from "../../tiers.ts";
import { encodedToFit } from "./encoded.ts";
import { flowBuckets } from "./flows.ts";
import { keptFrom } from "./retention.ts";
import { writeSamples } from "./samples.ts";
import type { Buckets } from "./samples.ts";

/** Marks read at once. */
const MARKS_A_LOOK = 2000;
/** Nodes whose buckets of one slot are folded together, and the bytes of theirs that one batch takes. */
const NODES_A_BATCH = 16;
const BYTES_A_BATCH = 2_000_000;

type Mark = { clusterId: number; nodeId: number; start: number };
export type Folded = { buckets: number; damaged: number };

/** Buckets of a tier that are due, newest first, in lots that are folded together; none where nothing is. */
export async function dueBuckets(db: Db, tier: BucketTier, now: number): Promise<Buckets[]> {
  const marks = await db.all<Mark>(sql`
    select cluster_id as clusterId, node_id as nodeId, start from dirty d
    where tier = ${tier} and start <= ${lastDue(tier, now)} and not ${hasDirtyWithin(tier)}
    order by start desc, cluster_id, node_id limit ${MARKS_A_LOOK}`);
  const slots = Map.groupBy(
    marks,
    (mark) => `${mark.clusterId} ${mark.start} ${mark.nodeId === WHOLE_CLUSTER}`,
  );
  return [...slots.values()].flatMap((ofSlot) => lots(tier, ofSlot));
}

/** Minutes are folded while they last; of the others each would be folded again with every report. */
const lastDue = (tier: BucketTier, now: number) =>
  tier === MINUTE ? Number.MAX_SAFE_INTEGER : now - SETTLE_MS - SLOT_MS[tier];

function hasDirtyWithin(tier: BucketTier): SQL {
  return sql`exists (
    select 1 from dirty f
    where f.cluster_id = d.cluster_id and f.tier = ${tier - 1} and f.node_id = d.node_id
      and f.start >= d.start and f.start < d.start + ${SLOT_MS[tier]})`;
}

function lots(tier: BucketTier, marks: readonly Mark[]): Buckets[] {
  const lots: Buckets[] = [];
  for (let at = 0; at < marks.length; at += NODES_A_BATCH) {
    const some = marks.slice(at, at + NODES_A_BATCH);
    const [{ clusterId, start } = { clusterId: 0, start: 0 }] = some;
    lots.push({ clusterId, tier, start, nodeIds: some.map(({ nodeId }) => nodeId) });
  }
  return lots;
}

/**
 * Folds these buckets anew from the finer tier, takes their marks away and marks those they are part of. What comes
 * meanwhile is seen by the next scan, which marks them again.
 */
export async function foldLot(db: Db, lot: Buckets, guard: SQL): Promise<Folded> {
  const there = sql`(${guard} and exists (select 1 from clusters where id = ${lot.clusterId}))`;
  const folded: Folded = { buckets: lot.nodeIds.length, damaged: 0 };
  const empty = new Set(lot.nodeIds);
  let writes: SQL[] = [];
  let bytes = 0;
  for await (const { nodeId, bucket, damaged } of flowBuckets(db, lot)) {
    folded.damaged += damaged;
    if (!bucket) continue;
    const data = encodedToFit(bucket);
    empty.delete(nodeId);
    writes.push(writeBucket(lot, nodeId, data, there));
    bytes += data.length;
    if (bytes < BYTES_A_BATCH) continue;
    // Their marks stay until the rest is written as well.
    await run(db, writes);
    writes = [];
    bytes = 0;
  }
  await run(db, [
    ...writes,
    ...(empty.size > 0 ? [deleteBuckets({ ...lot, nodeIds: [...empty] }, guard)] : []),
    ...writeSamples(lot, there),
    ...passOn(lot, there),
  ]);
  return folded;
}

async function run(db: Db, writes: readonly SQL[]): Promise<void> {
  const [first, ...others] = writes.map((write) => db.run(write));
  if (first) await db.batch([first, ...others]);
}

function writeBucket({ clusterId, tier, start }: Buckets, nodeId: number, data: Uint8Array, guard: SQL): SQL {
  return sql`
    insert or replace into buckets (cluster_id, tier, node_id, start, data)
    select ${clusterId}, ${tier}, ${nodeId}, ${start}, ${data} where ${guard}`;
}

function deleteBuckets(of: Buckets, guard: SQL): SQL {
  return sql`delete from buckets where ${isOneOf(of)} and ${guard}`;
}

function passOn(of: Buckets, guard: SQL): SQL[] {
  const { clusterId, tier, start, nodeIds } = of;
  const coarser = coarserTier(tier);
  const gone = dropMarks(of, guard);
  if (coarser === undefined) return [gone];
  return [
    gone,
    sql`
      insert or ignore into dirty (cluster_id, tier, node_id, start)
      select ${clusterId}, ${coarser}, value, ${slotOf(coarser, start)} from json_each(${JSON.stringify(nodeIds)}) where ${guard}`,
  ];
}

/** Lets these buckets be as they are. */
export function dropMarks(of: Buckets, guard: SQL): SQL {
  return sql`delete from dirty where ${isOneOf(of)} and ${guard}`;
}

/**
 * Lets those buckets be as they are of which part of the finer tier was forgotten; how many they are. Where minutes were,
 * all of the ten minutes have been marked, and are folded anew from the windows.
 */
export async function dropForgotten(db: Db, guard: SQL): Promise<number> {
  const dropped = await db.all(sql`
    delete from dirty
    where start < (
      select case
        when tier = ${DAY} then ${keptFrom(HOUR)}
        when tier = ${HOUR} then ${keptFrom(TEN_MINUTES)}
        when tier = ${TEN_MINUTES} and node_id = ${WHOLE_CLUSTER} then min(${keptFrom(WINDOW)}, ${keptFrom(MINUTE)})
        else ${keptFrom(WINDOW)} end
      from upkeep) and ${guard}
    returning 1`);
  return dropped.length;
}

function isOneOf({ clusterId, tier, start, nodeIds }: Buckets): SQL {
  return sql`cluster_id = ${clusterId} and tier = ${tier} and start = ${start}
    and node_id in (select value from json_each(${JSON.stringify(nodeIds)}))`;
}
