import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";

/** What users set of the rules of a cluster; version 0: nothing yet. `settings` is the caller's, as JSON has it. */
export type StoredRules = { clusterId: number; version: number; at: number | undefined; settings: unknown };

const LATEST = sql.raw(`select version, at, settings from rule_settings r
  where r.cluster_id = c.value order by version desc limit 1`);

/** What is in force in each of these clusters: of each, one seek. */
export async function rulesOf(db: Db, clusterIds: readonly number[]): Promise<Map<number, StoredRules>> {
  const rows = await db.all<{ clusterId: number; version: number; at: number; settings: string }>(sql`
    select c.value as clusterId, s.version, s.at, s.settings from json_each(${JSON.stringify(clusterIds)}) c
    cross join rule_settings s on s.cluster_id = c.value
      and s.version = (select version from (${LATEST}))`);
  const found = new Map(
    rows.map((row) => [row.clusterId, { ...row, settings: JSON.parse(row.settings) as unknown }]),
  );
  return new Map(
    clusterIds.map((clusterId) => [
      clusterId,
      found.get(clusterId) ?? { clusterId, version: 0, at: undefined, settings: {} },
    ]),
  );
}

/** Versions of a cluster that are kept, for whoever asks what was in force when an anomaly was opened. */
const VERSIONS_KEPT = 100;

/** Puts these in force as version `version`; false where that version is there already, or the cluster is gone. */
export async function insertRules(
  db: Db,
  { clusterId, version, at, settings }: { clusterId: number; version: number; at: number; settings: unknown },
): Promise<boolean> {
  const [written] = await db.batch([
    db.all(sql`
      insert or ignore into rule_settings (cluster_id, version, at, settings)
      select id, ${version}, ${at}, ${JSON.stringify(settings)} from clusters
      where id = ${clusterId} and not exists (
        select 1 from rule_settings where cluster_id = ${clusterId} and version >= ${version})
      returning version`),
    db.run(sql`
      delete from rule_settings where cluster_id = ${clusterId} and version <= ${version - VERSIONS_KEPT}`),
  ]);
  return written.length > 0;
}
