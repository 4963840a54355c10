import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";
import type { AnomalySeverity, Muted } from "./anomalies.ts";

export type WatchKey = { clusterId: number; rule: string; subject: string };

/** What is pending, open, or to be remembered. `about` and `life` are the caller's, as JSON has them. */
export type Watch = WatchKey & {
  /** 0: no node's. */
  nodeId: number;
  about: unknown;
  life: unknown;
  anomalyId: number | null;
  /** Null: not before it is closed. */
  forgetAt: number | null;
};

/** A watch with what stands in its open anomaly; null where it has none. */
export type Watched = Watch & {
  severity: AnomalySeverity | null;
  peak: number | null;
  lastAt: number | null;
  muted: Muted | null;
  announced: boolean;
};

type Row = Omit<Watched, "about" | "life" | "announced"> & {
  about: string;
  life: string;
  announced: number | null;
};

/** By clusters, rules and subjects in order, so that what is judged of them is the same each time. */
const ORDER = sql.raw("order by w.cluster_id, w.rule, w.subject");
const COLUMNS = sql.raw(`w.cluster_id as clusterId, w.rule, w.subject, w.node_id as nodeId, w.about, w.life,
  w.anomaly_id as anomalyId, w.forget_at as forgetAt, a.severity, a.peak, a.last_at as lastAt, a.muted, a.announced`);

/** What is watched of these nodes: of each, one seek. */
export async function watchesOfNodes(
  db: Db,
  nodes: readonly { clusterId: number; nodeId: number }[],
): Promise<Watched[]> {
  if (nodes.length === 0) return [];
  const pairs = JSON.stringify(nodes.map(({ clusterId, nodeId }) => [clusterId, nodeId]));
  const rows = await db.all<Row>(sql`
    select ${COLUMNS} from json_each(${pairs}) n
    cross join watches w on w.cluster_id = n.value ->> 0 and w.node_id = n.value ->> 1
    left join anomalies a on a.id = w.anomaly_id ${ORDER}`);
  return rows.map(toWatched);
}

/** How much is watched in a cluster, counted up to `most`. */
export async function countWatches(db: Db, clusterId: number, most: number): Promise<number> {
  const [row] = await db.all<{ count: number }>(sql`
    select count(*) as count from (select 1 from watches where cluster_id = ${clusterId} limit ${most})`);
  return row?.count ?? 0;
}

/** What is watched in a cluster by other rules than these. */
export async function watchesBeside(db: Db, clusterId: number, rules: readonly string[]): Promise<Watched[]> {
  const rows = await db.all<Row>(sql`
    select ${COLUMNS} from watches w left join anomalies a on a.id = w.anomaly_id
    where w.cluster_id = ${clusterId} and w.rule not in (select value from json_each(${JSON.stringify(rules)})) ${ORDER}`);
  return rows.map(toWatched);
}

const toWatched = ({ about, life, announced, ...row }: Row): Watched => ({
  ...row,
  about: JSON.parse(about),
  life: JSON.parse(life),
  announced: announced === 1,
});

/** Of clusters that are gone meanwhile nothing is written. */
export function writeWatches(watches: readonly Watch[], guard: SQL): SQL {
  const rows = watches.map((watch) => ({ ...watch, subject: storable(watch.subject) }));
  return sql`
    insert or replace into watches (cluster_id, rule, subject, node_id, about, life, anomaly_id, forget_at)
    select c.id, value ->> 'rule', value ->> 'subject', value ->> 'nodeId', value ->> 'about', value ->> 'life',
      value ->> 'anomalyId', value ->> 'forgetAt'
    from json_each(${JSON.stringify(rows)}) cross join clusters c on c.id = value ->> 'clusterId' where ${guard}`;
}

export function dropWatches(keys: readonly WatchKey[], guard: SQL): SQL {
  const rows = keys.map(({ clusterId, rule, subject }) => [clusterId, rule, storable(subject)]);
  return sql`
    delete from watches
    where (cluster_id, rule, subject) in (
      select value ->> 0, value ->> 1, value ->> 2 from json_each(${JSON.stringify(rows)})) and ${guard}`;
}

/** Forgets of a cluster what there is nothing left to remember of. */
export const forgetWatches = (clusterId: number, now: number, guard: SQL): SQL => sql`
  delete from watches where cluster_id = ${clusterId} and forget_at <= ${now} and ${guard}`;
