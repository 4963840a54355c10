import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { jsonChunks } from "../../facts/chunks.ts";
import type { Holding, Kept } from "../../facts/holding.ts";
import type { SettingsRow } from "../../facts/settings.ts";
import { WHOLE_CLUSTER } from "../../tiers.ts";

/** Services are said by all nodes alike, and stand where all nodes together do. */
export const ALL_NODES = WHOLE_CLUSTER;

export type NodeFrom = { nodeId: number; from: number };
export type Found = Kept & { nodeId: number };
type FoundRow = Omit<Found, "absent"> & { absent: number };

const OWNER_COLUMNS = sql.raw(`o.node_id as nodeId, o.address, o.kind, o.namespace, o.name, o.uid,
  o.workload_kind as workloadKind, o.workload, o.source, o.since, o.until, o.said_at as saidAt, o.absent`);

const toFound = ({ absent, ...row }: FoundRow): Found => ({ ...row, absent: absent === 1 });

/** Holdings of each node that end after its instant, or hold still. */
export async function holdingsAfter(db: Db, clusterId: number, nodes: readonly NodeFrom[]): Promise<Found[]> {
  const pairs = JSON.stringify(nodes.map(({ nodeId, from }) => [nodeId, from]));
  const rows = await db.all<FoundRow>(sql`
    select ${OWNER_COLUMNS} from json_each(${pairs}) j
    cross join owners o on o.cluster_id = ${clusterId} and o.node_id = j.value ->> 0 and o.until is null
    union all
    select ${OWNER_COLUMNS} from json_each(${pairs}) j
    cross join owners o on o.cluster_id = ${clusterId} and o.node_id = j.value ->> 0 and o.until > j.value ->> 1`);
  return rows.map(toFound);
}

/** Those of these holdings that are known. */
export async function holdingsLike(
  db: Db,
  clusterId: number,
  wanted: readonly { nodeId: number; holding: Holding }[],
): Promise<Found[]> {
  const keys = wanted.map(({ nodeId, holding: { address, uid, name, namespace, kind, since } }) => [
    nodeId,
    address,
    uid,
    name,
    namespace,
    kind,
    since,
  ]);
  const found: Found[] = [];
  for (const chunk of jsonChunks(keys)) {
    const rows = await db.all<FoundRow>(sql`
      select ${OWNER_COLUMNS} from json_each(${chunk}) j
      cross join owners o on o.cluster_id = ${clusterId} and o.address = j.value ->> 1 and o.node_id = j.value ->> 0
        and o.uid = j.value ->> 2 and o.name = j.value ->> 3 and o.namespace = j.value ->> 4
        and o.kind = j.value ->> 5 and o.since = j.value ->> 6`);
    for (const row of rows) found.push(toFound(row));
  }
  return found;
}

export type Listing = { nodeId: number; at: number; owners: number; settings: number };

/** Windows from its instant on in which each node listed something. */
export async function listingsFrom(
  db: Db,
  clusterId: number,
  nodes: readonly NodeFrom[],
): Promise<Listing[]> {
  const pairs = JSON.stringify(nodes.map(({ nodeId, from }) => [nodeId, from]));
  return db.all<Listing>(sql`
    select l.node_id as nodeId, l.at, l.owners, l.settings from json_each(${pairs}) j
    cross join listings l on l.cluster_id = ${clusterId} and l.node_id = j.value ->> 0 and l.at >= j.value ->> 1`);
}

/** What each node was set to, from the last change before its instant on. */
export async function settingsFrom(
  db: Db,
  clusterId: number,
  nodes: readonly NodeFrom[],
): Promise<(SettingsRow & { nodeId: number })[]> {
  const pairs = JSON.stringify(nodes.map(({ nodeId, from }) => [nodeId, from]));
  return db.all<SettingsRow & { nodeId: number }>(sql`
    select s.node_id as nodeId, s.at, c.hash from json_each(${pairs}) j
    cross join node_settings s on s.cluster_id = ${clusterId} and s.node_id = j.value ->> 0 and s.at >= coalesce((
      select max(at) from node_settings
      where cluster_id = ${clusterId} and node_id = j.value ->> 0 and at < j.value ->> 1), 0)
    join settings c on c.id = s.settings_id`);
}

/** Holdings that reach into [from, to), of all nodes or of those, and of services. Empty ones are left out. */
export async function holdingsIn(
  db: Db,
  clusterId: number,
  { from, to, nodeIds }: { from: number; to: number; nodeIds?: readonly number[] | undefined },
): Promise<(Holding & { nodeId: number })[]> {
  const nodes: SQL = nodeIds
    ? sql`select value as id from json_each(${JSON.stringify([...new Set([ALL_NODES, ...nodeIds])])})`
    : sql`select ${ALL_NODES} as id union all select id from nodes where cluster_id = ${clusterId}`;
  const columns = sql.raw(`o.node_id as nodeId, o.address, o.kind, o.namespace, o.name, o.uid,
    o.workload_kind as workloadKind, o.workload, o.source, o.since, o.until`);
  return db.all<Holding & { nodeId: number }>(sql`
    with wanted as (${nodes})
    select ${columns} from wanted
    cross join owners o on o.cluster_id = ${clusterId} and o.node_id = wanted.id and o.until is null
    where o.since < ${to}
    union all
    select ${columns} from wanted
    cross join owners o on o.cluster_id = ${clusterId} and o.node_id = wanted.id and o.until > ${from}
    where o.since < ${to} and o.until > o.since`);
}
