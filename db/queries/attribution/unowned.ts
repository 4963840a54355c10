import { sql } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { SLOT_MS, slotOf, TEN_MINUTES } from "../../tiers.ts";

/** Which clusters nobody told at a time who held their addresses: any of these may be a Pod of theirs. */
export type Unowned = (clusterId: number, at: number) => boolean;

/** One statement for all of them; a cluster that is asked alone is not looked at. */
export async function unownedOf(
  db: Db,
  clusterIds: readonly number[],
  times: readonly number[],
): Promise<Unowned> {
  if (clusterIds.length < 2 || times.length === 0) return () => false;
  const slots = [...new Set(times.map((at) => slotOf(TEN_MINUTES, at)))];
  const rows = await db.all<{ clusterId: number; slot: number }>(sql`
    select c.value as clusterId, t.value as slot
    from json_each(${JSON.stringify(clusterIds)}) c cross join json_each(${JSON.stringify(slots)}) t
    where not exists (
      select 1 from nodes n cross join owners o on o.cluster_id = n.cluster_id and o.node_id = n.id and o.until is null
      where n.cluster_id = c.value and o.since <= t.value and o.kind <> 'host')
    and not exists (
      select 1 from nodes n cross join owners o on o.cluster_id = n.cluster_id and o.node_id = n.id
        and o.until >= t.value + ${SLOT_MS[TEN_MINUTES]}
      where n.cluster_id = c.value and o.since <= t.value and o.kind <> 'host')`);
  const found = new Set(rows.map(({ clusterId, slot }) => `${clusterId} ${slot}`));
  return (clusterId, at) => found.has(`${clusterId} ${slotOf(TEN_MINUTES, at)}`);
}
