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
  address: string;
  own: boolean;
  nat: boolean;
  since: number;
  until: number;
  /** The node lists it among its own still, as far as it reported. */
  listed?: boolean | undefined;
  /** It is not known to have given it up: it did not retire, and lists it or is silent since. */
  stays?: boolean | undefined;
};
type PlaceRow = [
  clusterId: number,
  nodeId: number,
  own: number,
  nat: number,
  since: number,
  until: number,
  listed: number,
  stays: number,
];

/** Addresses of nodes are texts as the agents gave them, which canonical form has in small letters. */
const LISTED = sql.raw(`(a.own and instr(lower(n.addresses), '"' || a.address || '"') > 0)`);
/** One that only put it in others' place may do so no more. */
const STAYS = sql`(coalesce(n.retired_at < a.until - ${HOUR_MS}, 1) and (${LISTED} or not a.own and coalesce((
  select end from samples where cluster_id = a.cluster_id and tier = 0 and node_id = a.node_id
  order by start desc, boot desc, sequence desc limit 1) <= a.until, 1)))`;

/** D1 binds 100 parameters, and a text of these is one; each may be on all nodes. */
const ADDRESSES_A_STATEMENT = 200;

/** Where each of the addresses was: of each cluster one seek. A text an address, as a driver takes ten times as long to hand over rows. */
export async function placesOf(
  db: Db,
  clusterIds: readonly number[],
  addresses: readonly string[],
): Promise<Map<string, AddressPlace[]>> {
  const found = new Map<string, AddressPlace[]>();
  for (let at = 0; at < addresses.length; at += ADDRESSES_A_STATEMENT) {
    const rows = await db.all<{ address: string; places: string }>(sql`
      select a.address, json_group_array(
        json_array(a.cluster_id, a.node_id, a.own, a.nat, a.since, a.until, ${LISTED}, ${STAYS})) as places
      from json_each(${JSON.stringify(addresses.slice(at, at + ADDRESSES_A_STATEMENT))}) w
      cross join json_each(${JSON.stringify(clusterIds)}) c
      cross join node_addresses a on a.cluster_id = c.value and a.address = w.value
      cross join nodes n on n.id = a.node_id
      group by w.key, a.address`);
    for (const { address, places } of rows)
      found.set(
        address,
        (JSON.parse(places) as PlaceRow[]).map(
          ([clusterId, nodeId, own, nat, since, until, listed, stays]) => ({
            clusterId,
            nodeId,
            address,
            own: own === 1,
            nat: nat === 1,
            since,
            until,
            listed: listed === 1,
            stays: stays === 1,
          }),
        ),
      );
  }
  return found;
}

/** Nodes of a cluster that put an address in place of others' at some time within [from, to], the latest first. */
export async function translatorsIn(
  db: Db,
  clusterId: number,
  { from, to, limit }: { from: number; to: number; limit: number },
): Promise<number[]> {
  const rows = await db.all<{ nodeId: number }>(sql`
    select node_id as nodeId from node_addresses
    where cluster_id = ${clusterId} and nat and since <= ${to} and until >= ${from}
    group by node_id order by max(until) desc, node_id limit ${limit}`);
  return rows.map(({ nodeId }) => nodeId);
}
