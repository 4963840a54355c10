import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";

export type AnomalySeverity = "warning" | "critical";
export type Muted = "silence" | "inhibited";

/** A new anomaly. `about` and `finding` are the caller's, as JSON has them. Times in epoch ms. */
export type NewAnomaly = {
  id: number;
  clusterId: number;
  rule: string;
  ruleVersion: string;
  subject: string;
  nodeId: number;
  about: unknown;
  severity: AnomalySeverity;
  openedAt: number;
  resolvedAt: number | null;
  lastAt: number;
  finding: unknown;
  peak: number | null;
  muted: Muted | null;
  flapping: boolean;
};

/** What becomes of one; what is left out stays as it is. */
export type AnomalyUpdate = {
  id: number;
  severity?: AnomalySeverity | undefined;
  resolvedAt?: number | undefined;
  lastAt?: number | undefined;
  finding?: unknown;
  peak?: number | undefined;
  muted?: Muted | "none" | undefined;
  stale?: boolean | undefined;
};

/** One transition, by the time of the windows (`at`) and of the service. */
export type NewEvent = {
  anomalyId: number;
  clusterId: number;
  rule: string;
  at: number;
  recordedAt: number;
  transition: string;
  severity: AnomalySeverity;
  finding?: unknown;
  muted: Muted | null;
  /** Of what resolved though no window says that it is well: why it ended. */
  note?: string | undefined;
  /** Where it is inhibited: the rule of what keeps it quiet. */
  by?: string | undefined;
};

/** What the next anomaly may be called: no other ever was, also of clusters that are gone. */
export async function nextAnomalyId(db: Db): Promise<number> {
  const [row] = await db.all<{ id: number }>(sql`
    select max(coalesce((select seq from sqlite_sequence where name = 'anomalies'), 0),
      coalesce((select max(id) from anomalies), 0)) + 1 as id`);
  return row?.id ?? 1;
}

/** Where one of the same subject is open, none is opened. Of clusters that are gone nothing is written. */
export function insertAnomalies(anomalies: readonly NewAnomaly[], guard: SQL): SQL {
  const rows = anomalies.map((anomaly) => ({ ...anomaly, subject: storable(anomaly.subject) }));
  return sql`
    insert or ignore into anomalies (id, cluster_id, rule, rule_version, subject, node_id, about, severity, opened_at,
      resolved_at, last_at, finding, peak, muted, flapping, announced)
    select value ->> 'id', c.id, value ->> 'rule', value ->> 'ruleVersion', value ->> 'subject', value ->> 'nodeId',
      value ->> 'about', value ->> 'severity', value ->> 'openedAt', value ->> 'resolvedAt', value ->> 'lastAt',
      value ->> 'finding', value ->> 'peak', value ->> 'muted', value ->> 'flapping', 0
    from json_each(${JSON.stringify(rows)}) cross join clusters c on c.id = value ->> 'clusterId' where ${guard}`;
}

export const updateAnomalies = (updates: readonly AnomalyUpdate[], guard: SQL): SQL => sql`
  update anomalies set
    severity = coalesce(u.value ->> 'severity', severity),
    resolved_at = coalesce(u.value ->> 'resolvedAt', resolved_at),
    last_at = max(last_at, coalesce(u.value ->> 'lastAt', 0)),
    finding = coalesce(u.value ->> 'finding', finding),
    peak = coalesce(u.value ->> 'peak', peak),
    muted = case u.value ->> 'muted' when 'none' then null else coalesce(u.value ->> 'muted', muted) end,
    stale = coalesce(u.value ->> 'stale', stale)
  from json_each(${JSON.stringify(updates)}) u
  where anomalies.id = u.value ->> 'id' and ${guard}`;

/** In the order given. Of an anomaly that was not written, nothing is. */
export const insertEvents = (events: readonly NewEvent[], guard: SQL): SQL => sql`
  insert into anomaly_events (cluster_id, rule, anomaly_id, at, recorded_at, transition, severity, finding, muted, note, "by")
  select a.cluster_id, a.rule, a.id, e.value ->> 'at', e.value ->> 'recordedAt', e.value ->> 'transition',
    e.value ->> 'severity', e.value ->> 'finding', e.value ->> 'muted', e.value ->> 'note', e.value ->> 'by'
  from json_each(${JSON.stringify(events)}) e cross join anomalies a on a.id = e.value ->> 'anomalyId'
  where ${guard} order by e.key`;

/** An open anomaly, as much of it as decides who is told. */
export type OpenAnomaly = {
  id: number;
  clusterId: number;
  rule: string;
  subject: string;
  nodeId: number;
  about: unknown;
  severity: AnomalySeverity;
  muted: Muted | null;
  announced: boolean;
  /** What its finding says of it: findings are long, and of what is open there may be much. */
  cause: string | null;
};

/** What is open in these clusters, in the order it was opened. */
export async function openAnomalies(db: Db, clusterIds: readonly number[]): Promise<OpenAnomaly[]> {
  type Row = Omit<OpenAnomaly, "about" | "announced"> & { about: string; announced: number };
  const rows = await db.all<Row>(sql`
    select a.id, a.cluster_id as clusterId, a.rule, a.subject, a.node_id as nodeId, a.about, a.severity, a.muted,
      a.announced, a.finding ->> 'cause' as cause
    from json_each(${JSON.stringify(clusterIds)}) c
    cross join anomalies a indexed by anomalies_open on a.cluster_id = c.value and a.resolved_at is null
    order by a.id`);
  return rows.map(({ about, announced, ...row }) => ({
    ...row,
    about: JSON.parse(about),
    announced: announced === 1,
  }));
}
