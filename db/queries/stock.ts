import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { Stock } from "../plan.ts";
import { BUCKET_TIERS, DAY, MINUTE, SLOT_MS, slotOf, TEN_MINUTES, WHOLE_CLUSTER } from "../tiers.ts";
import type { Tier } from "../tiers.ts";

const LONGEST_SLOT_MS = SLOT_MS[DAY];

/** Reports looked at one by one for what no tick has seen: those of some minutes of 1,000 nodes. */
export const MAX_UNSEEN = 10_000;

type Mark = { tier: Tier; start: number };

/**
 * Buckets of the whole cluster (WHOLE_CLUSTER) or of any of the nodes that are to be folded anew and reach into [from, to).
 * Also those of windows the tick has not seen yet.
 */
export async function dirtyIn(
  db: Db,
  clusterId: number,
  nodeIds: readonly number[],
  { from, to }: { from: number; to: number },
): Promise<Stock["dirty"]> {
  const marks = await db.all<Mark>(sql`
    select distinct d.tier, d.start
    from json_each(${JSON.stringify(nodeIds)}) as n
    cross join json_each(${JSON.stringify(BUCKET_TIERS)}) as t
    cross join dirty d on d.cluster_id = ${clusterId} and d.tier = t.value and d.node_id = n.value
      and d.start > ${from - LONGEST_SLOT_MS} and d.start < ${to}`);
  return [...marks, ...(nodeIds.includes(WHOLE_CLUSTER) ? await unseenOfCluster() : await unseen())];

  /** Where very many wait, any time may lack some. */
  async function unseenOfCluster(): Promise<Mark[]> {
    const windows = await db.all<{ start: number; end: number }>(sql`
      with looked(at) as (select coalesce(max(seen), 0) from upkeep)
      select distinct start, end from looked cross join segments
      where id > at and id <= at + ${MAX_UNSEEN} and cluster_id = ${clusterId} and end > ${from} and start < ${to}
      union all
      select cast(${from} as integer), cast(${to} as integer) from looked
      where at + ${MAX_UNSEEN} < (select max(id) from segments)`);
    return windows.flatMap(({ start, end }) => [
      { tier: MINUTE, start: Math.max(slotOf(MINUTE, start), slotOf(MINUTE, from)) },
      { tier: MINUTE, start: Math.min(slotOf(MINUTE, end - 1), slotOf(MINUTE, to - 1)) },
    ]);
  }

  async function unseen(): Promise<Mark[]> {
    const windows = await db.all<{ start: number; end: number }>(sql`
      select distinct start, end from segments
      where id > coalesce((select max(seen) from upkeep), 0) and cluster_id = ${clusterId}
        and node_id in (select value from json_each(${JSON.stringify(nodeIds)}))
        and end > ${from - LONGEST_SLOT_MS} and start < ${to}`);
    return windows.flatMap(({ start, end }) => [
      { tier: TEN_MINUTES, start: slotOf(TEN_MINUTES, start) },
      { tier: TEN_MINUTES, start: slotOf(TEN_MINUTES, end - 1) },
    ]);
  }
}
