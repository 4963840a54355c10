import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { cleanText } from "../facts/words.ts";
import { storable } from "../text.ts";
import { heldUntil } from "./held-until.ts";

/** Somebody held an address in [since, until), epoch ms. Texts are "" where nobody says. */
export type Ownership = {
  /** Grows in the order in which holdings became known. */
  id: number;
  /** Null of services, which all nodes say alike. */
  node: string | null;
  address: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  workloadKind: string;
  workload: string;
  /** kubernetes, docker or file. */
  source: string;
  /** 0: before anybody looked. */
  since: number;
  /** Null: still. */
  until: number | null;
  /** No report says when it ended: `until` is the first list of all holdings that lacks it, or its node is gone, with its last window. */
  absent: boolean;
};

/** What narrows the question; the address in canonical form. */
export type OwnershipFilter = {
  address?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
  node?: string | undefined;
  /** Only who held it then. */
  at?: number | undefined;
  /** When it is asked. */
  now: number;
};

/** Where a page begins: after the row with these in the order of the list. */
export type OwnershipPage = { after?: { since: number; id: number } | undefined; limit: number };

/** Who held what of a cluster, the latest start first; of equal starts what became known last. */
export async function ownerships(
  db: Db,
  clusterId: number,
  filter: OwnershipFilter,
  { after, limit }: OwnershipPage,
): Promise<Ownership[]> {
  const conditions: SQL[] = [sql`o.cluster_id = ${clusterId}`, sql`coalesce(o.until > o.since, true)`];
  const { address, namespace, name, node, at, now } = filter;
  const until = heldUntil(now);
  if (address !== undefined) conditions.push(sql`o.address = ${address}`);
  if (namespace !== undefined) conditions.push(sql`o.namespace = ${cleanText(namespace)}`);
  if (name !== undefined) conditions.push(sql`o.name = ${cleanText(name)}`);
  if (node !== undefined) conditions.push(sql`n.name = ${storable(node)}`);
  if (at !== undefined) conditions.push(sql`o.since <= ${at}`, sql`coalesce(${until} > ${at}, true)`);
  if (after) conditions.push(sql`(o.since, o.id) < (${after.since}, ${after.id})`);
  const rows = await db.all<Omit<Ownership, "absent"> & { absent: number }>(sql`
    select o.id, n.name as node, o.address, o.kind, o.namespace, o.name, o.uid, o.workload_kind as workloadKind,
      o.workload, o.source, o.since, ${until} as until, (o.absent or ${until} is not o.until) as absent
    from owners o left join nodes n on n.id = o.node_id
    where ${sql.join(conditions, sql` and `)}
    order by o.since desc, o.id desc
    limit ${limit}`);
  return rows.map((row) => ({ ...row, absent: row.absent === 1 }));
}

/** Where the one that is asked for lived. */
export type NamedHolding = {
  nodeId: number;
  address: string;
  kind: string;
  namespace: string;
  uid: string;
  workloadKind: string;
  workload: string;
  since: number;
  until: number | null;
};

/**
 * The addresses that owners of this name held within [from, to), and on which nodes; of any namespace where none is given, which
 * reads the names of all. Services live on no node and are left out.
 */
export async function ownersNamed(
  db: Db,
  clusterId: number,
  { namespace, name, from, to }: { namespace?: string | undefined; name: string; from: number; to: number },
): Promise<NamedHolding[]> {
  const within = namespace === undefined ? sql`` : sql`and namespace = ${cleanText(namespace)}`;
  return db.all<NamedHolding>(sql`
    select node_id as nodeId, address, kind, namespace, uid, workload_kind as workloadKind, workload, since, until
    from owners
    where cluster_id = ${clusterId} and name = ${cleanText(name)} ${within} and kind <> 'service'
      and since < ${to} and coalesce(until > ${from} and until > since, true)
    order by node_id, address, since, id`);
}
