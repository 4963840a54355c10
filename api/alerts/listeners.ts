import type { Db } from "../../db/client.ts";
import { enabledFilters } from "../../db/queries/channels.ts";
import { listClusters } from "../../db/queries/clusters.ts";
import type { Listener } from "../../db/queries/outbox.ts";
import { accepts, ChannelFilter } from "./filter.ts";

/** The channels that are switched on, and what each is told of: for `dueMarks`. */
export async function channelsFor(db: Db): Promise<Listener[]> {
  const filters = await enabledFilters(db);
  if (filters.length === 0) return [];
  const names = new Map((await listClusters(db)).map(({ id, name }) => [id, name]));
  return filters.map(({ id, filter }) => {
    const parsed = ChannelFilter.parse(JSON.parse(filter));
    return {
      id,
      accepts: ({ clusterId, ...news }) => {
        const cluster = names.get(clusterId);
        return cluster !== undefined && accepts(parsed, { ...news, cluster });
      },
    };
  });
}
