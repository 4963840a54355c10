import { asc, eq, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { boots, clusters, nodes, samples, segments, tokens } from "../schema.ts";
import { storable } from "../text.ts";

export type Cluster = { id: number; name: string; createdAt: number };

/** Rows a statement deletes: long enough to be quick, short enough that reports are not kept waiting. */
const ROWS_A_DELETION = 500;

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
  for (const rows of [SOME_SEGMENTS, SOME_SAMPLES]) while (await deleteSome(db, rows, id));
  const answers = await db.batch([
    // What a report under way has left since.
    db.delete(segments).where(eq(segments.clusterId, id)),
    db.delete(samples).where(eq(samples.clusterId, id)),
    db.delete(boots).where(eq(boots.clusterId, id)),
    db.delete(nodes).where(eq(nodes.clusterId, id)),
    db.delete(clusters).where(eq(clusters.id, id)).returning(),
  ]);
  return answers[4].length > 0;
}

const KEY = "cluster_id, tier, node_id, start, boot, sequence";
const SOME_SEGMENTS = (id: number) => sql`
  delete from segments
  where id in (select id from segments where cluster_id = ${id} limit ${ROWS_A_DELETION})
  returning 1`;
const SOME_SAMPLES = (id: number) => sql`
  delete from samples
  where (${sql.raw(KEY)}) in (select ${sql.raw(KEY)} from samples where cluster_id = ${id} limit ${ROWS_A_DELETION})
  returning 1`;

async function deleteSome(db: Db, rows: (id: number) => SQL, id: number): Promise<boolean> {
  const deleted = await db.all(rows(id));
  return deleted.length === ROWS_A_DELETION;
}
