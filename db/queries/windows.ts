import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { MAX_WINDOW_MS } from "./reports.ts";

/** Windows of a node that overlap [from, to). */
export type WindowRange = { clusterId: number; nodeId: number; from: number; to: number };
export type StoredSegment = { start: number; end: number; data: Uint8Array };

/** A page ends with the segment that reaches this: a Worker has 128 MB, and segments have from 50 bytes to 0.5 MB. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 1000;

type Cursor = { start: number; boot: number; sequence: number };
type Row = Cursor & { end: number; data: ArrayBuffer | number[]; bytes: number };

/** The flows of a node in a range, in time. Windows without any are passed over. */
export async function* segmentsIn(db: Db, range: WindowRange): AsyncGenerator<StoredSegment> {
  let after: Cursor | undefined = { start: 0, boot: 0, sequence: 0 };
  while (after) {
    const rows: Row[] = await db.all<Row>(page(range, after));
    for (const { start, end, data } of rows) yield { start, end, data: new Uint8Array(data) };
    // A local driver works synchronously: others get their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
    const last = rows.at(-1);
    after = rows.length === PAGE_ROWS || (last && last.bytes >= PAGE_BYTES) ? last : undefined;
  }
}

/** Sizes are added up before any data is read. */
function page({ clusterId, nodeId, from, to }: WindowRange, after: Cursor) {
  return sql`
    with found as (
      select g.id, s.start, s.boot, s.sequence, length(g.data) as size
      from samples s
      cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
        and g.sequence = s.sequence
      where s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = ${nodeId}
        and s.start >= ${Math.max(from - MAX_WINDOW_MS, after.start)} and s.start < ${to} and s.end > ${from}
        and (s.start, s.boot, s.sequence) > (${after.start}, ${after.boot}, ${after.sequence})
        and length(g.data) > 0
      order by s.start, s.boot, s.sequence
      limit ${PAGE_ROWS}
    ), sized as (
      select id, size, sum(size) over (order by start, boot, sequence rows unbounded preceding) as bytes
      from found
    )
    select g.start, g.boot, g.sequence, g.end, g.data, sized.bytes
    from sized cross join segments g on g.id = sized.id
    where sized.bytes - sized.size < ${PAGE_BYTES}
    order by sized.bytes, g.start, g.boot, g.sequence`;
}
