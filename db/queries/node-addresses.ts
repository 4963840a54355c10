import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { HOUR, SLOT_MS } from "../tiers.ts";

/** Written out: a number that is bound is a double to libSQL, and does not divide as an integer. */
const HOUR_MS = sql.raw(String(SLOT_MS[HOUR]));

/**
 * Rows: cluster, node, boot id, sequence, begin and end of the window, and what addressesOf of report.ts gives. Writes no row where
 * all is known, nor of a report that was stored before; what it writes is the same in whatever order reports come.
 */
export const upsertAddresses = (rows: string): SQL => sql`
    insert into node_addresses (cluster_id, address, node_id, own, nat, since, until)
    select n.cluster_id, a.value ->> 0, n.id, a.value ->> 1, a.value ->> 2,
      (r.value ->> 4) / ${HOUR_MS} * ${HOUR_MS}, ((r.value ->> 5) + ${HOUR_MS} - 1) / ${HOUR_MS} * ${HOUR_MS}
    from json_each(${rows}) r
    join nodes n on n.cluster_id = r.value ->> 0 and n.name = r.value ->> 1
    join boots b on b.cluster_id = n.cluster_id and b.node_id = n.id and b.boot_id = r.value ->> 2
    cross join json_each(r.value ->> 6) a
    where not exists (
      select 1 from segments s
      where s.cluster_id = n.cluster_id and s.node_id = n.id and s.boot = b.id and s.sequence = r.value ->> 3)
    on conflict (cluster_id, address, node_id) do update set own = max(own, excluded.own), nat = max(nat, excluded.nat),
      since = min(since, excluded.since), until = max(until, excluded.until)
    where excluded.own > own or excluded.nat > nat or excluded.since < since or excluded.until > until`;

/** A node that had an address, or put it in place of others'. */
export type AddressPlace = {
  clusterId: number;
  nodeId: number;
  node: string;
  own: boolean;
  nat: boolean;
  since: number;
  until: number;
};

/** Where the address may have been at some time within [from, to]: of each cluster one seek, those that put it in others' place first. */
export async function placesOf(
  db: Db,
  clusterIds: readonly number[],
  {
    address,
    from,
    to,
    node,
    limit,
  }: { address: string; from: number; to: number; node?: string | undefined; limit: number },
): Promise<AddressPlace[]> {
  const rows = await db.all<Omit<AddressPlace, "own" | "nat"> & { own: number; nat: number }>(sql`
    select a.cluster_id as clusterId, a.node_id as nodeId, n.name as node, a.own, a.nat, a.since, a.until
    from json_each(${JSON.stringify(clusterIds)}) c
    cross join node_addresses a on a.cluster_id = c.value and a.address = ${address}
    join nodes n on n.id = a.node_id
    where a.since <= ${to} and a.until >= ${from} ${node === undefined ? sql`` : sql`and n.name = ${node}`}
    order by a.nat desc, a.until desc, c.key, a.node_id
    limit ${limit}`);
  return rows.map(({ own, nat, ...row }) => ({ ...row, own: own === 1, nat: nat === 1 }));
}
