import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import type { FoldWindow, Slot } from "../../fold.ts";
import { decodeSegment, SegmentError } from "../../segment.ts";
import { WINDOW } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";

/** Nodes and bytes that are read at once: some milliseconds, in which nothing else happens on Node. */
const PAGE_NODES = 100;
const PAGE_BYTES = 1_000_000;

export type WindowsOf = { clusterId: number; slot: Slot; nodeIds: readonly number[] };
export type NodeWindows = { nodeId: number; windows: FoldWindow[]; damaged: number };

type Place = { node: number; start: number; boot: number; sequence: number };
type Row = Place & { end: number; data: ArrayBuffer | number[]; bytes: number };

/** The windows that reach into a slot, node by node in the order given; those without flows are passed over. */
export async function* nodeWindows(db: Db, of: WindowsOf): AsyncGenerator<NodeWindows> {
  let found: NodeWindows | undefined;
  for await (const { nodeId, row } of rowsOf(db, of)) {
    if (found && found.nodeId !== nodeId) {
      yield found;
      // Others get their turn between two nodes.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (found?.nodeId !== nodeId) found = { nodeId, windows: [], damaged: 0 };
    decodeInto(found, row);
  }
  if (found) yield found;
}

async function* rowsOf(db: Db, { nodeIds, ...of }: WindowsOf): AsyncGenerator<{ nodeId: number; row: Row }> {
  for (let at = 0; at < nodeIds.length; at += PAGE_NODES) {
    const some = nodeIds.slice(at, at + PAGE_NODES);
    let after: Place | undefined = { node: 0, start: 0, boot: 0, sequence: 0 };
    while (after) {
      const rows: Row[] = await db.all<Row>(page({ ...of, nodeIds: some }, after));
      for (const row of rows) yield { nodeId: some[row.node] ?? 0, row };
      const last = rows.at(-1);
      after = last && last.bytes >= PAGE_BYTES ? last : undefined;
    }
  }
}

/** A segment that does not decode is counted and left out: no report may hold up the others. */
function decodeInto(found: NodeWindows, { start, end, data }: Row): void {
  try {
    found.windows.push({ start, end, segment: decodeSegment(new Uint8Array(data)) });
  } catch (error) {
    if (!(error instanceof SegmentError)) throw error;
    found.damaged += 1;
  }
}

/** Sizes are added up before any data is read. CROSS JOIN keeps the nodes outside: each is then one seek into its own time. */
function page({ clusterId, slot, nodeIds }: WindowsOf, after: Place): SQL {
  return sql`
    with found as (
      select g.id, n.key as node, s.start, s.boot, s.sequence, length(g.data) as size
      from json_each(${JSON.stringify(nodeIds)}) n
      cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${WINDOW} and s.node_id = n.value
        and s.start > ${slot.start - MAX_WINDOW_MS} and s.start < ${slot.end}
      cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
        and g.sequence = s.sequence
      where n.key >= ${after.node} and s."end" > ${slot.start} and length(g.data) > 0
        and (n.key, s.start, s.boot, s.sequence) > (${after.node}, ${after.start}, ${after.boot}, ${after.sequence})
    ), sized as (
      select *, sum(size) over (order by node, start, boot, sequence rows unbounded preceding) as bytes from found
    )
    select sized.node, sized.start, sized.boot, sized.sequence, g."end", g.data, sized.bytes
    from sized cross join segments g on g.id = sized.id
    where sized.bytes - sized.size < ${PAGE_BYTES}
    order by sized.bytes, sized.node, sized.start, sized.boot, sized.sequence`;
}
