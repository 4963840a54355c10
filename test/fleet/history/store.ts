import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../../db/client.ts";
import { applyStatements } from "../../../db/queries/facts.ts";
import { insertCluster } from "../../../db/queries/clusters.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { COUNTS, GAUGES } from "../../../db/queries/upkeep/aggregate.ts";
import { writeSamples } from "../../../db/queries/upkeep/samples.ts";
import { nodes } from "../../../db/schema.ts";
import { DAY, HOUR, SLOT_MS, WHOLE_CLUSTER } from "../../../db/tiers.ts";
import type { Cluster } from "../cluster.ts";
import type { BucketRow, Eras, Of, Parcel, SampleRow } from "./parcel.ts";

/** Rows of buckets in one statement: five values each, of the hundred a statement may bind. */
const BUCKETS_A_STATEMENT = 19;
/** As the writer of the service commits at most. */
const REPORTS_A_COMMIT = 48;
const NO_GUARD = sql`1`;
const COLUMNS = [...GAUGES, ...COUNTS, "windows", "covered_ms", "utilisation", "nodes"];

interface Kept {
  id: number;
  nodeIds: Map<string, number>;
}

/** Puts parcels of history into an empty database. */
export class HistoryStore {
  private readonly db: Db;
  private readonly clusters = new Map<string, Kept>();

  constructor(db: Db) {
    this.db = db;
  }

  /** The clusters and their nodes, as if their first reports had come then. @returns the id of each cluster */
  async begin(clusters: readonly Cluster[], at: number): Promise<Map<string, number>> {
    for (const cluster of clusters) {
      const { name, nodes: count } = cluster.spec;
      const row = await insertCluster(this.db, { name, createdAt: at });
      if (!row) throw new Error(`cluster ${name} is there already`);
      const words = Array.from({ length: count }, (_, index) => ({
        clusterId: row.id,
        ...cluster.wordsOf(index),
        blind: [],
        firstSeenAt: at,
        describedAt: at,
      }));
      const made = await this.db.insert(nodes).values(words).returning({ id: nodes.id, name: nodes.name });
      this.clusters.set(name, { id: row.id, nodeIds: new Map(made.map(({ id, name }) => [name, id])) });
    }
    return new Map([...this.clusters].map(([name, { id }]) => [name, id]));
  }

  async take(parcel: Parcel): Promise<void> {
    const { db } = this;
    const of = this.clusters.get(parcel.cluster)!;
    for (let at = 0; at < parcel.stored.length; at += REPORTS_A_COMMIT)
      await storeReports(db, parcel.stored.slice(at, at + REPORTS_A_COMMIT));
    const said = parcel.said.map((one) => ({ ...one, nodeId: of.nodeIds.get(one.node)! }));
    const { writes } = await applyStatements(db, of.id, said, NO_GUARD);
    const folds = parcel.folds.flatMap(({ tier, start, of: which }) => {
      const nodeIds = [
        ...(which === "nodes" ? [] : [WHOLE_CLUSTER]),
        ...(which === "cluster" ? [] : of.nodeIds.values()),
      ];
      return writeSamples({ clusterId: of.id, tier, start, nodeIds }, NO_GUARD);
    });
    const batch = [
      ...writes,
      ...bucketInserts(of, parcel.buckets),
      ...sampleInserts(of, parcel.samples),
      ...folds,
    ];
    const [first, ...others] = batch.map((write) => db.run(write));
    if (first) await db.batch([first, ...others]);
  }

  /** From here on the upkeep of the service goes on: it has seen all but the tail, knows what was never kept, and folds the days. */
  async end({ tenMinutes, windows, minutes, tail }: Eras): Promise<void> {
    await this.db.run(sql`
      update upkeep set seen = coalesce((select max(id) from segments where start < ${tail}), 0),
        windows_from = ${windows}, minutes_from = ${minutes}, ten_minutes_from = ${tenMinutes}`);
    await markDays(this.db);
  }
}

/** All days of which there are hours are to be folded. */
export async function markDays(db: Db): Promise<void> {
  const dayMs = sql.raw(String(SLOT_MS[DAY]));
  await db.run(sql`
    insert or ignore into dirty (cluster_id, tier, node_id, start)
    select distinct cluster_id, ${DAY}, node_id, start / ${dayMs} * ${dayMs} from samples where tier = ${HOUR}`);
}

const idOf = ({ nodeIds }: Kept, node: Of): number => (node === null ? WHOLE_CLUSTER : nodeIds.get(node)!);

function bucketInserts(of: Kept, buckets: readonly BucketRow[]): SQL[] {
  const writes: SQL[] = [];
  for (let at = 0; at < buckets.length; at += BUCKETS_A_STATEMENT) {
    const rows = buckets
      .slice(at, at + BUCKETS_A_STATEMENT)
      .map(({ tier, node, start, data }) => sql`(${of.id}, ${tier}, ${idOf(of, node)}, ${start}, ${data})`);
    writes.push(
      sql`insert into buckets (cluster_id, tier, node_id, start, data) values ${sql.join(rows, sql`, `)}`,
    );
  }
  return writes;
}

function sampleInserts(of: Kept, samples: readonly SampleRow[]): SQL[] {
  if (samples.length === 0) return [];
  const names = ["cluster_id", "tier", "node_id", "start", "boot", "sequence", "end", ...COLUMNS];
  const rows = samples.map(({ tier, node, start, aggregate, values }) => [
    of.id,
    tier,
    idOf(of, node),
    start,
    0,
    aggregate,
    start + SLOT_MS[tier],
    ...COLUMNS.map((name) => values[name] ?? null),
  ]);
  const columns = sql.raw(names.map((name) => `"${name}"`).join(", "));
  const values = sql.raw(names.map((_, at) => `value ->> ${at}`).join(", "));
  return [sql`insert into samples (${columns}) select ${values} from json_each(${JSON.stringify(rows)})`];
}

/** The last whole hour that has begun so long before. */
export const hourBefore = (at: number, ms: number): number =>
  Math.floor((at - ms) / SLOT_MS[HOUR]) * SLOT_MS[HOUR];
