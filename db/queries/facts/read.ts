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

/** Holdings of 256 neighbouring ids go into one text: with the longest names they take 1.2 MB, and D1 takes 2 MB. */
const ID_BITS_A_TEXT = 8;

export type FoundHolding = Pick<
  Holding,
  "address" | "kind" | "namespace" | "name" | "uid" | "workloadKind" | "workload" | "since" | "until"
>;
type HoldingTuple = [string, string, string, string, string, string, string, number, number | null];

/** Holdings of a node, as the database put them together. */
export type HoldingsText = { nodeId: number; holdings: string };

/**
 * Holdings that reach into [from, to), of all nodes or of those, and of services. As texts of
 * many holdings each: a driver takes ten times as long to hand over a row of ten columns as SQLite does to read it.
 */
export async function holdingsIn(
  db: Db,
  clusterId: number,
  { from, to, nodeIds }: { from: number; to: number; nodeIds?: readonly number[] | undefined },
): Promise<HoldingsText[]> {
  const nodes: SQL = nodeIds
    ? sql`select value as id from json_each(${JSON.stringify([...new Set([ALL_NODES, ...nodeIds])])})`
    : sql`select ${ALL_NODES} as id union all select id from nodes where cluster_id = ${clusterId}`;
  const held = (end: SQL) => sql`
    select wanted.id as nodeId, json_group_array(json_array(o.address, o.kind, o.namespace, o.name, o.uid,
      o.workload_kind, o.workload, o.since, o.until)) as holdings
    from wanted
    cross join owners o on o.cluster_id = ${clusterId} and o.node_id = wanted.id and ${end}
    where o.since < ${to}
    group by wanted.id, o.id >> ${ID_BITS_A_TEXT}`;
  return db.all<HoldingsText>(sql`
    with wanted as (${nodes})
    ${held(sql`o.until is null`)} union all ${held(sql`o.until > ${from}`)}`);
}

export const readHoldings = ({ holdings }: HoldingsText): FoundHolding[] =>
  (JSON.parse(holdings) as HoldingTuple[]).map(
    ([address, kind, namespace, name, uid, workloadKind, workload, since, until]) => ({
      address,
      kind,
      namespace,
      name,
      uid,
      workloadKind,
      workload,
      since,
      until,
    }),
  );
