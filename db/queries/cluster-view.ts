import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { ClusterView, NodeView, Slot } from "../look.ts";
import { hoursOf } from "./look/hours-cache.ts";
import type { HoursCache } from "./look/hours-cache.ts";
import { settingsViews } from "./look/settings-view.ts";
import { toWindow, windowRow } from "./look/window-row.ts";
import type { WindowTuple } from "./look/window-row.ts";
import { RETIRED, WITH_LATEST_WINDOW } from "./nodes.ts";
import { GONE_AFTER_MS } from "./settings.ts";

/** How far back from the latest window of a node the view has its windows. */
export const VIEW_MS = 300_000;
/** Read at once: some 20 ms, in which nothing else happens on Node. */
const NODES_A_PAGE = 100;

export type ViewQuery = {
  now: number;
  /** See ClusterView. */
  watchedSince: number;
  /** Keeps hours between views: without it, reading them is most of the work. */
  cache?: HoursCache | undefined;
};

/** A cluster as it is now: retired nodes, and those of which no window is kept, are left out; nodes that are gone have nothing set. */
export async function loadClusterView(
  db: Db,
  clusterId: number,
  { now, watchedSince, cache }: ViewQuery,
): Promise<ClusterView> {
  const found: NodeSeen[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const rows: Row[] = await db.all<Row>(page(clusterId, after));
    found.push(...rows.map(readNode));
    after = rows.length === NODES_A_PAGE ? rows.at(-1)?.id : undefined;
    // A local driver works synchronously: others get their turn between two pages.
    if (after !== undefined) await new Promise((resolve) => setImmediate(resolve));
  }
  const nodeIds = found.map(({ nodeId }) => nodeId);
  const hours = lastAsked(await hoursOf(db, { clusterId, nodeIds, at: now, cache }));
  const nodes = found.map((node): NodeView => ({
    ...node,
    get hours() {
      return hours(node.nodeId);
    },
  }));
  const there = nodes.filter(({ lastSeenAt }) => lastSeenAt > now - GONE_AFTER_MS);
  return { at: now, watchedSince, nodes, settings: await settingsViews(db, clusterId, there) };
}

/** Slots are made of what is kept when they are asked for: those of all nodes at once would take 100 MB. */
function lastAsked(hours: (nodeId: number) => readonly Slot[]): (nodeId: number) => readonly Slot[] {
  let last: { nodeId: number; slots: readonly Slot[] } | undefined;
  return (nodeId) => {
    if (last?.nodeId !== nodeId) last = { nodeId, slots: hours(nodeId) };
    return last.slots;
  };
}

type Row = { id: number; firstSeenAt: number; lastSeenAt: number; windows: string };
type NodeSeen = Omit<NodeView, "hours">;

/** Nodes by id: each with its latest window and those before it, as one text. The last report that came need not be of the latest window. */
function page(clusterId: number, after: number): SQL {
  return sql`
    with l as materialized (
      select n.id, n.name, n.first_seen_at, s.start, s.boot, s.sequence, s.received_at
      from nodes n ${WITH_LATEST_WINDOW}
      where n.cluster_id = ${clusterId} and n.id > ${after} and s.start is not null and ${RETIRED} is not true
      order by n.id limit ${NODES_A_PAGE}
    )
    select l.id, l.first_seen_at as firstSeenAt, max(l.received_at, coalesce((
        select r.received_at from segments g
        cross join samples r on r.cluster_id = g.cluster_id and r.tier = 0 and r.node_id = g.node_id
          and r.start = g.start and r.boot = g.boot and r.sequence = g.sequence
        where g.cluster_id = ${clusterId} and g.node_id = l.id
        order by g.boot desc, g.sequence desc limit 1), 0)) as lastSeenAt,
      json_group_array(${windowRow("l")}) as windows
    from l
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = l.id
      and s.start >= l.start - ${VIEW_MS} and s.start <= l.start
    group by l.id order by l.id`;
}

function readNode({ id, firstSeenAt, lastSeenAt, windows: text }: Row): NodeSeen {
  const windows = (JSON.parse(text) as WindowTuple[]).map(toWindow).toSorted((a, b) => a.from - b.from);
  const window = windows.pop();
  if (!window) throw new Error(`node ${id} has no window`);
  const seen = Math.max(lastSeenAt, ...windows.map(({ receivedAt }) => receivedAt));
  return { nodeId: id, node: window.node, firstSeenAt, lastSeenAt: seen, window, recent: windows };
}
