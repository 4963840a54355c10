import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { BUCKET_TIERS, MINUTE, WHOLE_CLUSTER, WINDOW } from "../tiers.ts";
import { MAX_WINDOW_MS } from "./reports.ts";

/** How a cluster is, as of its buckets: what came since the last tick is not in it. */
export type ClusterStatus = {
  /** Nodes that were ever seen and are not retired. */
  nodes: number;
  /** The most of them that reported in any of the last minutes, as many as a window may have. */
  reporting: number;
  /** End of the last slot of time that is known, or now where that is not over; null where nothing ever came. */
  lastSeenAt: number | null;
  /** Of the fullest table in the same minutes; null where nobody knows. */
  utilisation: number | null;
};

export const NO_STATUS: ClusterStatus = { nodes: 0, reporting: 0, lastSeenAt: null, utilisation: null };

/** By id of the cluster. Reads a few rows of each cluster, however many nodes it has. */
export async function statusOf(
  db: Db,
  clusterIds: readonly number[],
  now: number,
): Promise<Map<number, ClusterStatus>> {
  const rows = await db.all<ClusterStatus & { id: number }>(sql`
    select c.value as id,
      (select count(*) from nodes n where n.cluster_id = c.value and (n.retired_at is null or n.retired_at <= (
        select start from samples
        where cluster_id = n.cluster_id and tier = ${WINDOW} and node_id = n.id
        order by start desc limit 1))) as nodes,
      coalesce((select max(s.nodes) ${lately(now)}), 0) as reporting,
      (select max(s.utilisation) ${lately(now)}) as utilisation,
      min(${now}, coalesce(${sql.join(BUCKET_TIERS.map(lastEnd), sql`, `)})) as lastSeenAt
    from json_each(${JSON.stringify(clusterIds)}) c`);
  return new Map(rows.map(({ id, ...status }) => [id, status]));
}

const lately = (now: number) => sql`
        from samples s where s.cluster_id = c.value and s.tier = ${MINUTE} and s.node_id = ${WHOLE_CLUSTER}
          and s.start >= ${now - MAX_WINDOW_MS}`;

const lastEnd = (tier: number) => sql`(
        select end from samples where cluster_id = c.value and tier = ${tier} and node_id = ${WHOLE_CLUSTER}
        order by start desc limit 1)`;
