import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import { clusterByName, deleteCluster, insertCluster, listClusters } from "../../db/queries/clusters.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { insertToken, tokenById } from "../../db/queries/tokens.ts";
import { aCluster, aReportOf } from "../support/stored-report.ts";

/** A row of each table that ticks write. */
const ROWS_OF_A_TICK = [
  (cluster: number) => `buckets (cluster_id, tier, node_id, start, data) values (${cluster}, 1, 0, 0, x'01')`,
  (cluster: number) => `dirty (cluster_id, tier, node_id, start) values (${cluster}, 1, 0, 0)`,
  (cluster: number) => `listings (cluster_id, node_id, at, owners, settings) values (${cluster}, 1, 0, 1, 1)`,
  (cluster: number) => `node_settings (cluster_id, node_id, at, settings_id) values (${cluster}, 1, 0, 1)`,
  (cluster: number) => `settings (cluster_id, hash, content) values (${cluster}, 'h', '{}')`,
  (
    cluster: number,
  ) => `owners (cluster_id, node_id, address, kind, namespace, name, uid, workload_kind, workload, source,
    since, said_at, absent) values (${cluster}, 1, '10.0.0.1', 'pod', 'a', 'b', 'c', 'd', 'e', 'kubernetes', 0, 0, 0)`,
  (cluster: number) => `rule_settings (cluster_id, version, at, settings) values (${cluster}, 1, 0, '{}')`,
  (cluster: number) =>
    `watches (cluster_id, rule, subject, node_id, about, life) values (${cluster}, 'r', 's', 1, '{}', '{}')`,
  (
    cluster: number,
  ) => `anomalies (cluster_id, rule, rule_version, subject, node_id, about, severity, opened_at, last_at, finding,
    announced) values (${cluster}, 'r', '1.0', 's', 1, '{}', 'warning', 0, 0, '{}', 0)`,
  (cluster: number) => `anomaly_events (cluster_id, rule, anomaly_id, at, recorded_at, transition, severity)
    values (${cluster}, 'r', 1, 0, 0, 'opened', 'warning')`,
  (cluster: number) => `silences (cluster_id, matcher, starts_at, ends_at, author, reason, created_at)
    values (${cluster}, '{}', 0, 1, 'a', 'b', 0)`,
  (cluster: number) =>
    `alert_groups (channel_id, cluster_id, rule, told, episode) values (1, ${cluster}, 'r', 0, 0)`,
  (
    cluster: number,
  ) => `deliveries (channel_id, key, cluster_id, rule, kind, state, attempt, due_at, created_at, alert)
    values (1, 'k${cluster}', ${cluster}, 'r', 'firing', 'waiting', 0, 0, 0, '{}')`,
];

describe("clusters", () => {
  test("a name is taken once", async ({ expect }) => {
    const db = await freshDb();
    const first = await insertCluster(db, { name: "prod", createdAt: 5 });
    expect(first).toEqual({ id: 1, name: "prod", createdAt: 5 });
    expect(await insertCluster(db, { name: "prod", createdAt: 6 })).toBeUndefined();
    expect(await clusterByName(db, "prod")).toEqual(first);
  });

  test("are listed by name", async ({ expect }) => {
    const db = await freshDb();
    for (const name of ["b", "a"]) await aCluster(db, name);
    expect((await listClusters(db)).map((cluster) => cluster.name)).toEqual(["a", "b"]);
  });

  test.for(["it's", "%", "Ünï \u{1F4A9}", "\0", "x' or '1'='1"])(
    "%j is found by its whole name only",
    async (name, { expect }) => {
      const db = await freshDb();
      const id = await aCluster(db, name);
      await aCluster(db, "other");
      expect((await clusterByName(db, name))?.id).toBe(id);
      expect(await clusterByName(db, `${name}x`)).toBeUndefined();
    },
  );
});

describe("a deleted cluster", () => {
  test("takes all its data along and nobody else's", async ({ expect }) => {
    const db = await freshDb();
    const ids = [await aCluster(db, "a"), await aCluster(db, "b")];
    for (const clusterId of ids) {
      await insertToken(db, {
        id: `t${clusterId}`,
        clusterId,
        scope: "read",
        label: null,
        hash: "h",
        createdAt: 1,
        expiresAt: null,
      });
      const reports = [0, 1, 2].map((sequence) =>
        aReportOf([{ source: "10.0.0.1", entries: 1 }], { clusterId, sequence }),
      );
      await storeReports(db, reports);
    }
    for (const clusterId of ids)
      for (const row of ROWS_OF_A_TICK) await db.run(sql.raw(`insert into ${row(clusterId)}`));
    expect(await deleteCluster(db, 1)).toBe(true);
    const tables = await db.all<{ name: string }>(sql`
      select name from sqlite_master where type = 'table' and sql like '%cluster_id%'`);
    expect(tables.length).toBeGreaterThan(9);
    for (const { name: table } of tables)
      expect(await db.all(sql.raw(`select distinct cluster_id from ${table}`)), table).toEqual([
        { cluster_id: 2 },
      ]);
    expect(await clusterByName(db, "a")).toBeUndefined();
    expect(await tokenById(db, "t1")).toBeUndefined();
  });

  test("with more windows than one statement deletes goes whole", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const windows = Array.from({ length: 1100 }, (_, sequence) => aReportOf([], { sequence }));
    for (let at = 0; at < windows.length; at += 100) await storeReports(db, windows.slice(at, at + 100));
    expect(await deleteCluster(db, 1)).toBe(true);
    expect(await db.all(sql`select 1 from samples union all select 1 from segments`)).toEqual([]);
  });

  test("is not in the way of the reports that come next, to which the ids of its segments are given again", async ({
    expect,
  }) => {
    const db = await freshDb();
    for (const name of ["a", "b"]) await aCluster(db, name);
    await storeReports(db, [aReportOf([], { clusterId: 2 })]);
    await storeReports(
      db,
      [1, 2].map((sequence) => aReportOf([], { clusterId: 1, sequence })),
    );
    await db.run(sql`update upkeep set seen = 3`);
    await deleteCluster(db, 1);
    expect(await db.all(sql`select seen from upkeep`)).toEqual([{ seen: 1 }]);
    await deleteCluster(db, 2);
    expect(await db.all(sql`select seen from upkeep`)).toEqual([{ seen: 0 }]);
  });

  test("leaves neither its name nor its id taken: the name is free, the id never given again", async ({
    expect,
  }) => {
    const db = await freshDb();
    await aCluster(db);
    await deleteCluster(db, 1);
    expect(await deleteCluster(db, 1)).toBe(false);
    expect(await aCluster(db)).toBe(2);
  });
});
