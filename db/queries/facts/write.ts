import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { jsonChunks } from "../../facts/chunks.ts";
import type { Kept } from "../../facts/holding.ts";

/** Stores holdings, over what was known of the same ones. */
export function writeHoldings(
  clusterId: number,
  rows: readonly (Kept & { nodeId: number })[],
  guard: SQL,
): SQL[] {
  const values = rows.map((row) => [
    row.nodeId,
    row.address,
    row.kind,
    row.namespace,
    row.name,
    row.uid,
    row.workloadKind,
    row.workload,
    row.source,
    row.since,
    row.until,
    row.saidAt,
    row.absent ? 1 : 0,
  ]);
  return jsonChunks(values).map(
    (chunk) => sql`
      insert into owners (cluster_id, node_id, address, kind, namespace, name, uid, workload_kind, workload, source,
        since, until, said_at, absent)
      select ${clusterId}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
      from json_each(${chunk}) where ${guard}
      on conflict (cluster_id, address, node_id, uid, name, namespace, kind, since) do update set
        workload_kind = excluded.workload_kind, workload = excluded.workload, source = excluded.source,
        until = excluded.until, said_at = excluded.said_at, absent = excluded.absent`,
  );
}

/** Notes in which windows a node listed all. Writes nothing where that is known. */
export function writeListings(
  clusterId: number,
  listings: readonly { nodeId: number; at: number; owners: boolean; settings: boolean }[],
  guard: SQL,
): SQL[] {
  const values = listings.map(({ nodeId, at, owners, settings }) => [
    nodeId,
    at,
    Number(owners),
    Number(settings),
  ]);
  return jsonChunks(values).map(
    (chunk) => sql`
      insert into listings (cluster_id, node_id, at, owners, settings)
      select ${clusterId}, value ->> 0, value ->> 1, value ->> 2, value ->> 3
      from json_each(${chunk}) where ${guard}
      on conflict (cluster_id, node_id, at) do update set
        owners = max(owners, excluded.owners), settings = max(settings, excluded.settings)
      where owners < excluded.owners or settings < excluded.settings`,
  );
}

/** Stores each content once. */
export function writeSettings(clusterId: number, contents: ReadonlyMap<string, string>, guard: SQL): SQL[] {
  return jsonChunks([...contents]).map(
    (chunk) => sql`
      insert into settings (cluster_id, hash, content)
      select ${clusterId}, value ->> 0, value ->> 1 from json_each(${chunk}) where ${guard}
      on conflict do nothing`,
  );
}

/** Notes from when on nodes were set so; of contents that are stored. */
export function writeNodeSettings(
  clusterId: number,
  rows: readonly { nodeId: number; at: number; hash: string }[],
  guard: SQL,
): SQL[] {
  return jsonChunks(rows.map(({ nodeId, at, hash }) => [nodeId, at, hash])).map(
    (chunk) => sql`
      insert into node_settings (cluster_id, node_id, at, settings_id)
      select ${clusterId}, r.value ->> 0, r.value ->> 1, s.id
      from json_each(${chunk}) r join settings s on s.cluster_id = ${clusterId} and s.hash = r.value ->> 2
      where ${guard}
      on conflict (cluster_id, node_id, at) do update set settings_id = excluded.settings_id`,
  );
}

export function removeNodeSettings(
  clusterId: number,
  rows: readonly { nodeId: number; at: number }[],
  guard: SQL,
): SQL[] {
  return jsonChunks(rows.map(({ nodeId, at }) => [nodeId, at])).map(
    (chunk) => sql`
      delete from node_settings
      where cluster_id = ${clusterId}
        and (node_id, at) in (select value ->> 0, value ->> 1 from json_each(${chunk})) and ${guard}`,
  );
}
