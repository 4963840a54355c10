import { sql } from "drizzle-orm";
import type { Db } from "../../client.ts";
import type { NodeWindow } from "../../look.ts";
import { MAX_WINDOW_MS } from "../reports.ts";
import { toWindow, WINDOW_ROW } from "./window-row.ts";
import type { RawWindow, WindowTuple } from "./window-row.ts";

/** How far back a look has the windows of its node. */
export const RECENT_MS = 600_000;
/** And how many, the latest: those of ten minutes of the shortest that agents make are 120. */
export const MAX_RECENT = 150;
/** Windows of other nodes that began so long before are too old to compare with. */
export const PEER_MS = 300_000;
/** What came so shortly before may still have been on its way into the database: with it, no later judgement would see the same. */
export const ON_ITS_WAY_MS = 5_000;
/** Enough for a median of what is usual among them. */
export const MAX_PEERS = 200;

type Row = { row: string };
const read = ({ row }: Row): RawWindow => toWindow(JSON.parse(row) as WindowTuple);

/** Windows of the node that began before this one and had come when it came, the oldest first. */
export async function recentWindows(db: Db, clusterId: number, window: NodeWindow): Promise<NodeWindow[]> {
  const { nodeId, from, receivedAt } = window;
  const rows = await db.all<Row>(sql`
    select ${WINDOW_ROW} as row
    from samples s cross join nodes n on n.id = s.node_id
    where s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = ${nodeId}
      and s.start >= ${from - RECENT_MS} and s.start < ${from} and s.received_at <= ${receivedAt}
    order by s.start desc, s.boot desc, s.sequence desc limit ${MAX_RECENT}`);
  return rows.map(read).toReversed();
}

/** Windows of the node that reach into the ranges and had come with this one, itself among them; by their begins, each once. */
export async function windowsOfNode(
  db: Db,
  clusterId: number,
  { nodeId, from, receivedAt }: NodeWindow,
  ranges: readonly [number, number][],
): Promise<RawWindow[]> {
  const rows = await db.all<Row>(sql`
    select distinct s.start, s."end", s.boot, s.sequence, ${WINDOW_ROW} as row
    from json_each(${JSON.stringify(joined(ranges))}) r
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = ${nodeId}
      and s.start > r.value ->> 0 - ${MAX_WINDOW_MS} and s.start < r.value ->> 1 and s."end" > r.value ->> 0
    cross join nodes n on n.id = s.node_id
    where s.start <= ${from} and s.received_at <= ${receivedAt}
    order by s.start, s."end", s.boot, s.sequence`);
  return rows.map(read);
}

/** Neighbours as one. In order. */
function joined(ranges: readonly [number, number][]): [number, number][] {
  const found: [number, number][] = [];
  for (const [from, to] of ranges) {
    const last = found.at(-1);
    if (last?.[1] === from) last[1] = to;
    else found.push([from, to]);
  }
  return found;
}

/** The latest windows of other nodes that had come for certain when this one did. */
export async function peerWindows(db: Db, clusterId: number, window: NodeWindow): Promise<NodeWindow[]> {
  const { nodeId, from, receivedAt } = window;
  const rows = await db.all<Row>(sql`
    select ${WINDOW_ROW} as row
    from nodes n
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = n.id
      and (s.start, s.boot, s.sequence) = (
        select start, boot, sequence from samples
        where cluster_id = ${clusterId} and tier = 0 and node_id = n.id and start > ${from - PEER_MS}
          and start <= ${from} and received_at <= ${receivedAt - ON_ITS_WAY_MS}
        order by start desc, boot desc, sequence desc limit 1)
    where n.cluster_id = ${clusterId} and n.id <> ${nodeId}
    order by n.id limit ${MAX_PEERS}`);
  return rows.map(read);
}
