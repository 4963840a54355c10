import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { Owner } from "../fold/table.ts";
import { heldUntil } from "./held-until.ts";

/**
 * Who held each of the addresses at an instant, by address in canonical form. What a node says of its own goes before what all say
 * of Services, and of several who held it the one that came last.
 */
export async function ownersOf(
  db: Db,
  clusterId: number,
  addresses: readonly string[],
  at: number,
): Promise<Map<string, Owner>> {
  if (addresses.length === 0) return new Map();
  const rows = await db.all<Owner & { address: string }>(sql`
    select address, kind, namespace, name, workload_kind as workloadKind, workload
    from owners o
    where cluster_id = ${clusterId} and address in (select value from json_each(${JSON.stringify(addresses)}))
      and since <= ${at} and coalesce(${heldUntil(at)} > ${at}, true)
    order by node_id > 0, since, id`);
  return new Map(rows.map(({ address, ...owner }) => [address, owner]));
}
