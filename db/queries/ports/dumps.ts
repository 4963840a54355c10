import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { decodePorts } from "../../details.ts";
import { readOccupied } from "../../ports/occupied.ts";
import type { Occupied } from "../../ports/occupied.ts";
import { MAX_WINDOW_MS } from "../reports.ts";

/** The last dump of a node that was taken in (from, to], epoch ms. */
export type Wanted = { nodeId: number; from: number; to: number };
export type Dump = {
  takenAt: number;
  /** The table changed while it was read: some may be missing. */
  interrupted: boolean;
  occupied: Occupied[];
  /** No more ports than this are in use towards any peer that is not listed: as many as the last that is, and as the others have in all. */
  unlisted: number;
};

/** A page ends with the details that reach this: a Worker has 128 MB, and details have from 1 kB to 1 MB. */
export const PAGE_BYTES = 4_000_000;
export const PAGE_ROWS = 500;
/** Where the report of a dump is missing, or tells of no ports, so many dumps before it are tried. */
export const DUMPS_BEFORE = 2;

type Row = {
  place: number;
  takenAt: number;
  interrupted: number | null;
  snat: number | null;
  details: ArrayBuffer | number[] | null;
  bytes: number;
};

/** The ports in use, dump by dump; `place`: which of the wanted it is. There is none of those of which nobody knows. */
export async function* dumpsIn(
  db: Db,
  clusterId: number,
  wanted: readonly Wanted[],
): AsyncGenerator<{ place: number; dump: Dump }> {
  let left = wanted.map((one, place) => ({ ...one, place }));
  for (let turn = 0; left.length > 0 && turn <= DUMPS_BEFORE; turn++) {
    const again: typeof left = [];
    for await (const { place, ...row } of rowsOf(db, clusterId, left)) {
      const dump = dumpOf(row);
      const one = wanted[place];
      if (dump) yield { place, dump };
      else if (one) again.push({ ...one, place, to: row.takenAt - 1 });
    }
    left = again;
  }
}

function dumpOf({ takenAt, interrupted, snat, details }: Omit<Row, "place">): Dump | undefined {
  const found = details && decodePorts(new Uint8Array(details));
  const occupied = found && readOccupied(found.ports, found.addresses);
  if (!occupied) return undefined;
  const used = occupied.map((row) => row.used);
  const others = (snat ?? 0) - used.reduce((sum, value) => sum + value, 0);
  return {
    takenAt,
    interrupted: interrupted === 1,
    occupied,
    unlisted: Math.max(0, Math.min(others, ...used)),
  };
}

async function* rowsOf(
  db: Db,
  clusterId: number,
  wanted: readonly (Wanted & { place: number })[],
): AsyncGenerator<Row> {
  for (let begin = 0; begin < wanted.length;) {
    const asked = wanted.slice(begin, begin + PAGE_ROWS);
    const rows = await db.all<Row>(page(clusterId, asked));
    for (const row of rows) yield { ...row, place: asked[row.place]?.place ?? -1 };
    // A local driver works synchronously: others get their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
    const last = rows.at(-1);
    begin += last && last.bytes >= PAGE_BYTES ? last.place + 1 : asked.length;
  }
}

/**
 * Each window tells when the dump was taken that it counts by, and the first of them what the dump found. Sizes are added up before any
 * details are read.
 */
function page(clusterId: number, wanted: readonly Wanted[]): SQL {
  const all = JSON.stringify(wanted.map(({ nodeId, from, to }) => [nodeId, from, to]));
  const ofNode = sql`cluster_id = ${clusterId} and tier = 0 and node_id = a.value ->> 0`;
  return sql`
    with taken as materialized (
      select a.key as place, a.value ->> 0 as node_id, (
        select taken_at from samples
        where ${ofNode} and start > a.value ->> 1 - ${MAX_WINDOW_MS} and start <= a.value ->> 2
          and taken_at > a.value ->> 1 and taken_at <= a.value ->> 2
        order by start desc, boot desc, sequence desc limit 1) as taken_at
      from json_each(${all}) a
    ), found as (
      select t.place, t.taken_at, s.interrupted, s.nat_snat + s.nat_both as snat, g.id, coalesce(length(g.details), 0) as size
      from taken t
      cross join samples s on s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = t.node_id
        and (s.start, s.boot, s.sequence) = (
          select start, boot, sequence from samples
          where cluster_id = ${clusterId} and tier = 0 and node_id = t.node_id
            and start >= t.taken_at - ${MAX_WINDOW_MS} and start <= t.taken_at and taken_at = t.taken_at
          order by start, boot, sequence limit 1)
      cross join segments g on g.cluster_id = ${clusterId} and g.node_id = t.node_id and g.boot = s.boot
        and g.sequence = s.sequence
    ), sized as (
      select *, sum(size) over (order by place rows unbounded preceding) as bytes from found
    )
    select z.place, z.taken_at as takenAt, z.interrupted, z.snat, g.details, z.bytes
    from sized z cross join segments g on g.id = z.id
    where z.bytes - z.size < ${PAGE_BYTES}
    order by z.place`;
}
