import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { LeaseWindow } from "../../attribution/timeline.ts";
import type { Db } from "../../client.ts";
import { WINDOW } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";
import { nextTurn, Turns } from "./turn.ts";

/** A page ends with the window that reaches this: a Worker has 128 MB, and details have from 100 bytes to 1 MB. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 1000;
/** Bytes given between two turns of the event loop: each window may take a tenth of a millisecond to inflate, which counts as so many. */
const BYTES_A_TURN = 200_000;
const BYTES_A_WINDOW = 12_500;

/** Windows of a node that overlap [from, to). */
export type NodeRange = { clusterId: number; nodeId: number; from: number; to: number };

/** A window with its details as they are kept. */
export type StoredWindow = Omit<LeaseWindow, "found"> & { nodeId: number; details: Uint8Array | undefined };

type Cursor = { place: number; from: number; boot: number; sequence: number };
type Row = Cursor &
  Pick<StoredWindow, "to" | "events" | "openedBy"> & {
    interrupted: number | null;
    unreadable: number | null;
    older: number | null;
    details: ArrayBuffer | number[] | null;
    bytes: number;
  };

/** The windows of the ranges, range by range and in time, of reports up to the id `until`. */
export async function* leaseWindows(
  db: Db,
  ranges: readonly NodeRange[],
  until: number,
): AsyncGenerator<StoredWindow> {
  const turns = new Turns(BYTES_A_TURN);
  let after: Cursor | undefined = ranges.length > 0 ? { place: 0, from: 0, boot: 0, sequence: 0 } : undefined;
  while (after) {
    const rows: Row[] = await db.all<Row>(page(ranges, after, until));
    await nextTurn();
    let bytes = 0;
    for (const row of rows) {
      await turns.worked(BYTES_A_WINDOW + row.bytes - bytes);
      bytes = row.bytes;
      yield { ...toWindow(row), nodeId: ranges[row.place]?.nodeId ?? 0 };
    }
    const last = rows.at(-1);
    after = last && (rows.length === PAGE_ROWS || last.bytes >= PAGE_BYTES) ? last : undefined;
  }
}

const toWindow = (row: Row): Omit<StoredWindow, "nodeId"> => ({
  boot: row.boot,
  sequence: row.sequence,
  from: row.from,
  to: row.to,
  events: row.events,
  openedBy: row.openedBy,
  interrupted: row.interrupted === 1,
  unreadable: row.unreadable ?? 0,
  older: row.older ?? 0,
  details: row.details === null ? undefined : new Uint8Array(row.details),
});

/** Sizes are added up before any details are read. CROSS JOIN keeps the ranges outside: each is then one seek into its own time. */
function page(ranges: readonly NodeRange[], after: Cursor, until: number): SQL {
  const wanted = JSON.stringify(
    ranges.map(({ clusterId, nodeId, from, to }) => [clusterId, nodeId, from, to]),
  );
  return sql`
    with found as (
      select g.id, r.key as place, s.start, s.boot, s.sequence, s.events, s.opened_by, s.interrupted,
        s.unreadable_lines, s.older, coalesce(length(g.details), 0) as size
      from json_each(${wanted}) r
      cross join samples s on s.cluster_id = r.value ->> 0 and s.tier = ${WINDOW} and s.node_id = r.value ->> 1
        and s.start > (r.value ->> 2) - ${MAX_WINDOW_MS} and s.start < r.value ->> 3
      cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
        and g.sequence = s.sequence
      where r.key >= ${after.place} and s."end" > r.value ->> 2 and g.id <= ${until}
        and (r.key, s.start, s.boot, s.sequence) > (${after.place}, ${after.from}, ${after.boot}, ${after.sequence})
      order by r.key, s.start, s.boot, s.sequence
      limit ${PAGE_ROWS}
    ), sized as (
      select *, sum(size) over (order by place, start, boot, sequence rows unbounded preceding) as bytes from found
    )
    select sized.place, sized.start as "from", g."end" as "to", sized.boot, sized.sequence, sized.events,
      sized.opened_by as openedBy, sized.interrupted, sized.unreadable_lines as unreadable, sized.older, g.details,
      sized.bytes
    from sized cross join segments g on g.id = sized.id
    where sized.bytes - sized.size < ${PAGE_BYTES}
    order by sized.bytes, sized.place, sized.start, sized.boot, sized.sequence`;
}
