import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";
import type { AnomalySeverity, Muted } from "./anomalies.ts";

/** An anomaly as it is kept. `about` and `finding` are the caller's, as JSON has them. Times in epoch ms. */
export type KeptAnomaly = {
  id: number;
  cluster: string;
  clusterId: number;
  rule: string;
  ruleVersion: string;
  about: unknown;
  severity: AnomalySeverity;
  openedAt: number;
  resolvedAt: number | null;
  lastAt: number;
  finding: unknown;
  peak: number | null;
  muted: Muted | null;
  announced: boolean;
  stale: boolean;
  flapping: boolean;
  acknowledgedAt: number | null;
  acknowledgedBy: string | null;
  note: string | null;
};

type Row = Omit<KeptAnomaly, "about" | "finding" | "announced" | "stale" | "flapping"> & {
  about: string;
  finding: string;
  announced: number;
  stale: number;
  flapping: number;
};

const COLUMNS =
  sql.raw(`a.id, c.name as cluster, a.cluster_id as clusterId, a.rule, a.rule_version as ruleVersion, a.about,
  a.severity, a.opened_at as openedAt, a.resolved_at as resolvedAt, a.last_at as lastAt, a.finding, a.peak, a.muted,
  a.announced, a.stale, a.flapping, a.acknowledged_at as acknowledgedAt, a.acknowledged_by as acknowledgedBy, a.note`);

const toAnomaly = ({ about, finding, announced, stale, flapping, ...row }: Row): KeptAnomaly => ({
  ...row,
  about: JSON.parse(about) as unknown,
  finding: JSON.parse(finding) as unknown,
  announced: announced === 1,
  stale: stale === 1,
  flapping: flapping === 1,
});

export type AnomaliesAsked = {
  clusterIds: readonly number[];
  state: "open" | "resolved" | "all";
  rule?: string | undefined;
  severity?: AnomalySeverity | undefined;
  subject?: string | undefined;
  node?: string | undefined;
  namespace?: string | undefined;
  workload?: string | undefined;
  pod?: string | undefined;
  /** Those that lasted at some time within [from, to). */
  from?: number | undefined;
  to?: number | undefined;
  /** Those that come after this one in the list. */
  after?: { openedAt: number; id: number } | undefined;
  limit: number;
};

/** The latest first. */
export async function listAnomalies(db: Db, asked: AnomaliesAsked): Promise<KeptAnomaly[]> {
  const index = sql.raw(asked.state === "open" ? "anomalies_open" : "anomalies_by_time");
  const rows = await db.all<Row>(sql`
    select ${COLUMNS} from json_each(${JSON.stringify(asked.clusterIds)}) i
    cross join clusters c on c.id = i.value
    cross join anomalies a indexed by ${index} on a.cluster_id = c.id
    where ${sql.join(conditionsOf(asked), sql` and `)}
    order by a.opened_at desc, a.id desc limit ${asked.limit}`);
  return rows.map(toAnomaly);
}

/** Where in the subject a name stands. */
const NAMES = {
  node: "$.node",
  namespace: "$.party.namespace",
  workload: "$.party.workload",
  pod: "$.party.name",
} as const;

function conditionsOf({ state, rule, severity, subject, from, to, after, ...names }: AnomaliesAsked): SQL[] {
  const found = [
    state === "open" && sql`a.resolved_at is null`,
    state === "resolved" && sql`a.resolved_at is not null`,
    rule !== undefined && sql`a.rule = ${storable(rule)}`,
    severity && sql`a.severity = ${severity}`,
    subject !== undefined && sql`a.subject = ${storable(subject)}`,
    from !== undefined && sql`(a.resolved_at is null or a.resolved_at >= ${from})`,
    to !== undefined && sql`a.opened_at < ${to}`,
    after && sql`(a.opened_at, a.id) < (${after.openedAt}, ${after.id})`,
    ...Object.entries(NAMES).map(([name, path]) => {
      const wanted = names[name as keyof typeof NAMES];
      return wanted !== undefined && sql`a.about ->> ${path} = ${wanted}`;
    }),
  ];
  return [sql`true`, ...found.filter((condition) => condition !== false && condition !== undefined)];
}

export async function anomalyById(db: Db, id: number): Promise<KeptAnomaly | undefined> {
  const rows = await db.all<Row>(sql`
    select ${COLUMNS} from anomalies a cross join clusters c on c.id = a.cluster_id where a.id = ${id}`);
  return rows.map(toAnomaly)[0];
}

export type KeptEvent = {
  at: number;
  recordedAt: number;
  transition: string;
  severity: AnomalySeverity;
  finding: unknown;
  muted: Muted | null;
  by: string | null;
  note: string | null;
};

/** What happened to an anomaly, the first first. */
export async function eventsOf(db: Db, anomalyId: number, limit: number): Promise<KeptEvent[]> {
  const rows = await db.all<Omit<KeptEvent, "finding"> & { finding: string | null }>(sql`
    select at, recorded_at as recordedAt, transition, severity, finding, muted, by, note
    from anomaly_events where anomaly_id = ${anomalyId} order by id limit ${limit}`);
  return rows.map(({ finding, ...row }) => ({
    ...row,
    finding: finding === null ? null : (JSON.parse(finding) as unknown),
  }));
}

export type ToldOf = {
  id: number;
  channel: string | null;
  kind: string;
  state: string;
  createdAt: number;
  sentAt: number | null;
  error: string | null;
};

/** The messages that tell of an anomaly, the latest first. */
export async function deliveriesOf(db: Db, anomaly: KeptAnomaly, limit: number): Promise<ToldOf[]> {
  return db.all<ToldOf>(sql`
    select d.id, c.name as channel, d.kind, d.state, d.created_at as createdAt, d.sent_at as sentAt, d.error
    from channels c cross join deliveries d on d.channel_id = c.id
    where d.cluster_id = ${anomaly.clusterId} and d.rule = ${anomaly.rule} and exists (
      select 1 from anomaly_events e
      where e.anomaly_id = ${anomaly.id} and e.id > d.from_event and e.id <= d.to_event and e.muted is null)
    order by d.id desc limit ${limit}`);
}

/** Notes that somebody knows of it; false where it is not open. The last to say so counts. */
export async function acknowledge(
  db: Db,
  id: number,
  { at, by, note }: { at: number; by: string | null; note: string | null },
): Promise<boolean> {
  const [who, words] = [by, note].map((text) => (text === null ? null : storable(text)));
  const isOpen = sql`id = ${id} and resolved_at is null`;
  const [noted] = await db.batch([
    db.all(sql`
      update anomalies set acknowledged_at = ${at}, acknowledged_by = ${who}, note = ${words} where ${isOpen}
      returning id`),
    db.run(sql`
      insert into anomaly_events (cluster_id, rule, anomaly_id, at, recorded_at, transition, severity, muted, by, note)
      select cluster_id, rule, id, ${at}, ${at}, 'acknowledged', severity, muted, ${who}, ${words}
      from anomalies where ${isOpen}`),
  ]);
  return noted.length > 0;
}
