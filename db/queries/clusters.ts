import { asc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { clusters, tokens } from "../schema.ts";
import { storable } from "../text.ts";
import { ROWS_A_DELETION, unseen } from "./upkeep/retention.ts";

export type Cluster = { id: number; name: string; createdAt: number };

/** The new cluster, or undefined where the name is taken. */
export async function insertCluster(
  db: Db,
  cluster: { name: string; createdAt: number },
): Promise<Cluster | undefined> {
  const row = { name: storable(cluster.name), createdAt: cluster.createdAt };
  const [inserted] = await db.insert(clusters).values(row).onConflictDoNothing().returning();
  return inserted;
}

/** All clusters by name. */
export async function listClusters(db: Db): Promise<Cluster[]> {
  return db.select().from(clusters).orderBy(asc(clusters.name));
}

export async function clusterByName(db: Db, name: string): Promise<Cluster | undefined> {
  const [cluster] = await db
    .select()
    .from(clusters)
    .where(eq(clusters.name, storable(name)));
  return cluster;
}

/**
 * Forgets a cluster, its tokens and all its data; false where there was none. The cluster goes last, so that
 * an interrupted call can be repeated, and its tokens first, so that no more reports come.
 */
export async function deleteCluster(db: Db, id: number): Promise<boolean> {
  await db.delete(tokens).where(eq(tokens.clusterId, id));
  for (const table of Object.keys(KEYS) as Table[]) while (await deleteSome(db, table, id));
  const [deleted] = await db.batch([
    db.delete(clusters).where(eq(clusters.id, id)).returning(),
    // What a report or a tick under way has left since.
    ...Object.keys(KEYS).map((table) => db.run(sql`delete from ${sql.raw(table)} where cluster_id = ${id}`)),
    db.run(unseen()),
  ]);
  return deleted.length > 0;
}

/** Tables of what belongs to a cluster, and the key of each. Segments first, nodes last: by them the rest is found. */
const KEYS = {
  segments: "id",
  samples: "cluster_id, tier, node_id, start, boot, sequence",
  buckets: "cluster_id, tier, node_id, start",
  dirty: "cluster_id, tier, node_id, start",
  owners: "id",
  listings: "cluster_id, node_id, at",
  node_addresses: "cluster_id, address, node_id",
  node_settings: "cluster_id, node_id, at",
  settings: "id",
  rule_settings: "cluster_id, version",
  watches: "cluster_id, rule, subject",
  anomaly_events: "id",
  anomalies: "id",
  silences: "id",
  alert_groups: "channel_id, cluster_id, rule",
  deliveries: "id",
  boots: "id",
  nodes: "id",
} as const;
type Table = keyof typeof KEYS;

/** Whether there may be more. */
async function deleteSome(db: Db, table: Table, id: number): Promise<boolean> {
  const name = sql.raw(table);
  const key = sql.raw(KEYS[table]);
  const [deleted] = await db.batch([
    db.all(sql`
      delete from ${name}
      where (${key}) in (select ${key} from ${name} where cluster_id = ${id} limit ${ROWS_A_DELETION}) returning 1`),
    db.run(unseen()),
  ]);
  return deleted.length === ROWS_A_DELETION;
}

/** Ids of the clusters that know a node of that name: of each, one seek. */
export async function clustersOfNode(db: Db, name: string): Promise<number[]> {
  const rows = await db.all<{ id: number }>(sql`
    select c.id from clusters c cross join nodes n on n.cluster_id = c.id and n.name = ${storable(name)}`);
  return rows.map(({ id }) => id);
}
