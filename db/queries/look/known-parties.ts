import { sql } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { byAddress } from "../../facts/holders.ts";
import type { FoundHolding } from "../facts/read.ts";
import { ALL_NODES } from "../facts/read.ts";
import { heldUntil } from "../held-until.ts";
import type { Known } from "../../look/parties.ts";

type Row = FoundHolding & { nodeId: number };

/** Who had these addresses at any time of [from, to): as that node says, as all say, and as others say. Addresses in canonical form. */
export async function knownParties(
  db: Db,
  { clusterId, nodeId, from, to }: { clusterId: number; nodeId: number; from: number; to: number },
  addresses: Iterable<string>,
): Promise<Known> {
  const wanted = JSON.stringify([...new Set(addresses)]);
  const [rows, nodes] = await db.batch([
    db.all<Row>(sql`
      select o.node_id as nodeId, o.address, o.kind, o.namespace, o.name, o.uid, o.workload_kind as workloadKind,
        o.workload, o.since, o.until
      from json_each(${wanted}) a
      cross join owners o on o.cluster_id = ${clusterId} and o.address = a.value
      where o.since < ${to} and (o.until is null or o.until > ${from})
        and (o.node_id in (${ALL_NODES}, ${nodeId}) or coalesce(${heldUntil(to)} > ${from}, true))
      order by o.id`),
    db.all<{ address: string; node: string }>(sql`
      select w.address, n.name as node
      from json_each(${wanted}) a
      cross join node_addresses w on w.cluster_id = ${clusterId} and w.address = a.value
      cross join nodes n on n.id = w.node_id
      where w.own and w.since < ${to} and w.until > ${from}
      order by n.name`),
  ]);
  const own = rows.filter((row) => row.nodeId === nodeId);
  const services = rows.filter((row) => row.nodeId === ALL_NODES);
  const others = rows.filter((row) => row.nodeId !== nodeId && row.nodeId !== ALL_NODES);
  return {
    own: byAddress(own),
    services: byAddress(services),
    others: byAddress(others),
    nodes: new Map(
      [...Map.groupBy(nodes, ({ address }) => address)].map(([address, found]) => [
        address,
        found.map(({ node }) => node),
      ]),
    ),
  };
}
