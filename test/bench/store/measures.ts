import { join } from "node:path";
import { sql } from "drizzle-orm";
import type { Db } from "../../../db/client.ts";
import { openLibsql } from "../../../db/libsql.ts";
import { insertCluster } from "../../../db/queries/clusters.ts";
import { AGGREGATES, DAY, HOUR, MINUTE, SLOT_MS, slotOf, TEN_MINUTES, TIERS } from "../../../db/tiers.ts";
import type { BucketTier } from "../../../db/tiers.ts";
import { Fleet } from "../../fleet/fleet.ts";
import type { Figure } from "../figure.ts";
import { CLUSTER, INTERVAL_MS, live, tick } from "./fill.ts";

const DAY_MS = SLOT_MS[DAY];
const FLEETS = [100, 1_000];
const HOUR_OF_WINDOWS = SLOT_MS[HOUR] / INTERVAL_MS;

/** What a day of a node takes on the disk, tier by tier: pages of tables and indexes, shared by what is in them. */
export async function bytesOf(db: Db, nodes: number): Promise<Figure[]> {
  const pages = await db.all<{ name: string; bytes: number }>(
    sql`select name, sum(pgsize) as bytes from dbstat where name not like 'sqlite_schema' group by name`,
  );
  const sizeOf = (...names: string[]) =>
    pages.reduce((sum, { name, bytes }) => (names.includes(name) ? sum + bytes : sum), 0);
  const [{ listed = 0, samples = 0, buckets = 0 } = {}] = await db.all<Record<string, number>>(sql`
    select (select sum(length(data) + coalesce(length(details), 0)) from segments) as listed,
      (select count(*) from samples) as samples, (select sum(length(data)) from buckets) as buckets`);
  // Most nodes have but a few windows, every other one with all owners and leases: those of whole hours say what is usual.
  const [{ bytes = 0, leases = 0 } = {}] = await db.all<Record<string, number>>(sql`
    select avg(length(data) + coalesce(length(details), 0)) as bytes, avg(coalesce(length(details), 0)) as leases
    from segments
    where node_id in (select node_id from segments group by node_id having count(*) > ${HOUR_OF_WINDOWS})`);
  const sample = sizeOf("samples") / samples;
  const window = (bytes * sizeOf("segments", "segments_identity")) / listed + sample;
  const perByte = sizeOf("buckets", "sqlite_autoindex_buckets_1") / buckets;
  const aDay = DAY_MS / INTERVAL_MS;
  const figures: Figure[] = [
    { name: "stored, windows, a node and day", value: (window * aDay) / 1e6, unit: "MB", bar: "≤ 8" },
    { name: "of it leases, owners and settings", value: (leases * aDay) / 1e6, unit: "MB" },
  ];
  for (const [tier, of, share] of [
    [TEN_MINUTES, "nodes", 1],
    [HOUR, "nodes", 1],
    [DAY, "nodes", 1],
    [MINUTE, "cluster", nodes],
    [TEN_MINUTES, "cluster", nodes],
    [HOUR, "cluster", nodes],
    [DAY, "cluster", nodes],
  ] as const) {
    const [{ mean } = { mean: 0 }] = await db.all<{ mean: number }>(sql`
      select avg(length(data)) as mean from buckets b
      where tier = ${tier} and ${of === "cluster" ? sql`node_id = 0` : whole(tier)}`);
    const bytes = ((mean * perByte + 4 * sample) * DAY_MS) / SLOT_MS[tier] / share;
    figures.push({ name: `stored, ${TIERS[tier]} of ${of}, a node and day`, value: bytes / 1e6, unit: "MB" });
    figures.push({ name: `a bucket: ${TIERS[tier]} of ${of}`, value: mean, unit: "bytes" });
  }
  const [{ rows } = { rows: 0 }] = await db.all<{ rows: number }>(sql`select count(*) as rows from owners`);
  figures.push({ name: "rows of owners", value: rows, unit: "rows" });
  return figures;
}

/** Of most nodes there is a minute in a bucket, and nothing else; of others an hour of each day is missing. */
const whole = (tier: BucketTier) => sql`node_id > 0 and exists (
  select 1 from samples s
  where s.cluster_id = b.cluster_id and s.tier = b.tier and s.node_id = b.node_id and s.start = b.start
    and s.sequence = ${AGGREGATES.sum} and s.covered_ms >= ${0.9 * SLOT_MS[tier]})`;

/** How long a tick takes that folds a minute of a cluster, and one that folds ten minutes of it, its nodes and all. */
export async function tickFigures(folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const nodes of FLEETS) {
    const database = await openLibsql({ url: `file:${join(folder, `tick-${nodes}.db`)}` });
    await database.migrate();
    const { db } = database;
    const from = slotOf(HOUR, Date.now() - DAY_MS);
    const fleet = new Fleet({ seed: 7, from, clusters: [{ name: CLUSTER, nodes }] });
    const clusterId = (await insertCluster(db, { name: CLUSTER, createdAt: from }))?.id ?? 0;
    const took = async (to: number, now: number) => {
      await live(db, { clusterId, fleet }, { from: to - SLOT_MS[MINUTE], to });
      const started = performance.now();
      await tick(db, now);
      return performance.now() - started;
    };
    const minutes: number[] = [];
    for (let minute = 1; minute < 10; minute += 1)
      minutes.push(await took(from + minute * SLOT_MS[MINUTE], from + minute * SLOT_MS[MINUTE]));
    const ten = await took(from + SLOT_MS[TEN_MINUTES], from + 2 * SLOT_MS[TEN_MINUTES]);
    figures.push({
      name: `tick with a whole minute of ${nodes} nodes`,
      value: minutes.toSorted((a, b) => a - b)[4] ?? 0,
      unit: "ms",
    });
    figures.push({ name: `tick with a minute and the ten of ${nodes} nodes`, value: ten, unit: "ms" });
    database.close();
  }
  return figures;
}
