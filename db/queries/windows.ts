import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";
import { MAX_WINDOW_MS } from "./reports.ts";

/** Windows that overlap [from, to), of one node or of all in the cluster. */
export type WindowRange = { clusterId: number; from: number; to: number; node?: string | undefined };
export type StoredSegment = { nodeId: number; start: number; end: number; data: Uint8Array };

/** A page ends with the segment that reaches this: a Worker has 128 MB, and segments have from 50 bytes to 0.5 MB. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 1000;

type Cursor = { nodeId: number; start: number; boot: number; sequence: number };
type Row = Cursor & { end: number; data: ArrayBuffer | number[]; bytes: number };

/** The flows of a range: node by node, each in time. Windows without any are passed over. */
export async function* segmentsIn(db: Db, range: WindowRange): AsyncGenerator<StoredSegment> {
  let after: Cursor | undefined = { nodeId: 0, start: 0, boot: 0, sequence: 0 };
  while (after) {
    const rows: Row[] = await db.all<Row>(page(range, after));
    for (const { nodeId, start, end, data } of rows) yield { nodeId, start, end, data: new Uint8Array(data) };
    // A local driver works synchronously: others get their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
    const last = rows.at(-1);
    after = rows.length === PAGE_ROWS || (last && last.bytes >= PAGE_BYTES) ? last : undefined;
  }
}

/**
 * CROSS JOIN keeps the nodes outside: each is then one seek into its own time. Sizes are added up before any
 * data is read.
 */
function page({ clusterId, from, to, node }: WindowRange, after: Cursor) {
  const named = node === undefined ? sql`` : sql`and n.name = ${storable(node)}`;
  const earliest = from - MAX_WINDOW_MS;
  return sql`
    with found as (
      select g.id, s.node_id, s.start, s.boot, s.sequence, length(g.data) as size
      from nodes n
      cross join samples s on s.cluster_id = n.cluster_id and s.tier = 0 and s.node_id = n.id
        and s.start > case when n.id = ${after.nodeId} then max(${earliest}, ${after.start} - 1) else ${earliest} end
        and s.start < ${to}
      cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
        and g.sequence = s.sequence
      where n.cluster_id = ${clusterId} and n.id >= ${after.nodeId} ${named} and s.end > ${from} and length(g.data) > 0
        and (n.id, s.start, s.boot, s.sequence) > (${after.nodeId}, ${after.start}, ${after.boot}, ${after.sequence})
      order by n.id, s.start, s.boot, s.sequence
      limit ${PAGE_ROWS}
    ), sized as (
      select id, size, sum(size) over (order by node_id, start, boot, sequence rows unbounded preceding) as bytes
      from found
    )
    select g.node_id as nodeId, g.start, g.boot, g.sequence, g.end, g.data, sized.bytes
    from sized cross join segments g on g.id = sized.id
    where sized.bytes - sized.size < ${PAGE_BYTES}
    order by sized.bytes, g.node_id, g.start, g.boot, g.sequence`;
}
