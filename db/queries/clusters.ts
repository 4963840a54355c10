import type { Db } from "../client.ts";

export type Cluster = { id: number; name: string; createdAt: number };

/** The new cluster, or undefined where the name is taken. */
export async function insertCluster(
  _db: Db,
  _cluster: { name: string; createdAt: number },
): Promise<Cluster | undefined> {
  throw new Error("not yet");
}

/** All clusters by name. */
export async function listClusters(_db: Db): Promise<Cluster[]> {
  throw new Error("not yet");
}

export async function clusterByName(_db: Db, _name: string): Promise<Cluster | undefined> {
  throw new Error("not yet");
}

/** Forgets a cluster, its tokens and all its data; false where there was none. */
export async function deleteCluster(_db: Db, _id: number): Promise<boolean> {
  throw new Error("not yet");
}
