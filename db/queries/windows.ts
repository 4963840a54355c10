import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";
import { MAX_WINDOW_MS } from "./reports.ts";

/** Windows that overlap [from, to), of one node or of all in the cluster. */
export type WindowRange = { clusterId: number; from: number; to: number; node?: string | undefined };
export type StoredSegment = { nodeId: number; start: number; end: number; data: Uint8Array };

/** Segments in memory at once: 12 MB of the largest that a quiet agent sends, half a MB of the usual. */
const PAGE = 256;

type Cursor = { nodeId: number; start: number; boot: number; sequence: number };
type Row = Cursor & { end: number; data: ArrayBuffer | number[] };

/** The segments of a range: node by node, each in time. */
export async function* segmentsIn(db: Db, range: WindowRange): AsyncGenerator<StoredSegment> {
  let after: Cursor | undefined = { nodeId: 0, start: 0, boot: 0, sequence: 0 };
  while (after) {
    const rows: Row[] = await db.all<Row>(page(range, after));
    for (const { nodeId, start, end, data } of rows) yield { nodeId, start, end, data: new Uint8Array(data) };
    after = rows.length === PAGE ? rows.at(-1) : undefined;
  }
}

/** CROSS JOIN keeps the nodes outside: each is then one seek into its own time. */
function page({ clusterId, from, to, node }: WindowRange, after: Cursor) {
  const named = node === undefined ? sql`` : sql`and n.name = ${storable(node)}`;
  const earliest = from - MAX_WINDOW_MS;
  return sql`
    select s.node_id as nodeId, s.start, s.boot, s.sequence, s.end, s.data
    from nodes n
    cross join segments s on s.cluster_id = n.cluster_id and s.tier = 0 and s.node_id = n.id
      and s.start > case when n.id = ${after.nodeId} then max(${earliest}, ${after.start} - 1) else ${earliest} end
      and s.start < ${to}
    where n.cluster_id = ${clusterId} and n.id >= ${after.nodeId} ${named} and s.end > ${from}
      and (n.id, s.start, s.boot, s.sequence) > (${after.nodeId}, ${after.start}, ${after.boot}, ${after.sequence})
    order by n.id, s.start, s.boot, s.sequence
    limit ${PAGE}`;
}
