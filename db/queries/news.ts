import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { ALARMS } from "./outbox.ts";

/** Of which group, since which event (not included) it is asked. */
export type NewsAsked = {
  clusterId: number;
  rule: string;
  told: number;
  /** Of warnings, it was told up to this event. */
  warned: number;
  /** What is new to the channel by its filter as it is now; none: it is told of the end of what it was told of, and of nothing more. */
  takes: "all" | "critical" | "none";
  /** Rules that it is not told of: what these keep quiet is news to it all the same. */
  unheard: readonly string[];
  /** What is over since this event was to be told; what was over before need not be. */
  overSince: number;
  /** Anomalies of each kind of news at most. */
  limit: number;
};

export type NewsCounts = {
  opened: number;
  resolved: number;
  quiet: number;
  over: number;
  open: number;
  openCritical: number;
  unacknowledged: number;
  affected: number;
  hushed: number;
};

/** An anomaly with what is new of it. Texts are JSON, as they were written. */
export type NewsRow = {
  news: "opened" | "resolved" | "over" | "open";
  id: number;
  ruleVersion: string;
  about: string;
  severity: "warning" | "critical";
  openedAt: number;
  resolvedAt: number | null;
  finding: string;
  peak: number | null;
  acknowledgedAt: number | null;
  acknowledgedBy: string | null;
  acknowledgedNote: string | null;
  transition: string;
  /** Of what is over: why, where nothing says that it is well. */
  ended: string | null;
};

export type NewsFound = {
  /** The latest event that is in it. */
  latest: number;
  counts: NewsCounts;
  /** Nodes of the cluster that are not retired. */
  nodes: number;
  rows: NewsRow[];
};

/** What happened of a rule in a cluster since it was told, and what is open. One moment of the database. */
export async function newsOf(db: Db, asked: NewsAsked): Promise<NewsFound> {
  const [latest, counts, nodes, rows] = await db.batch([
    db.all<{ id: number }>(sql`select coalesce(max(id), 0) as id from anomaly_events`),
    db.all<NewsCounts>(sql`${classified(asked)} ${COUNTS}`),
    db.all<{ nodes: number }>(sql`
      select count(*) as nodes from nodes where cluster_id = ${asked.clusterId} and retired_at is null`),
    db.all<NewsRow>(sql`${classified(asked)} ${rowsOf(asked.limit)}`),
  ]);
  const [count] = counts;
  if (!count) throw new Error("an aggregate has one row");
  return { latest: latest[0]?.id ?? 0, counts: count, nodes: nodes[0]?.nodes ?? 0, rows };
}

const TAKEN = { all: sql`true`, critical: sql`severity = 'critical'`, none: sql`false` };

/**
 * Each anomaly that is open or had events since, with what is new of it; null: nothing for this channel. What it was told of before
 * is what had an alarm up to `told`, a warning one up to `warned`: whatever its filter is by now.
 */
const classified = (asked: NewsAsked): SQL => {
  const { clusterId, rule, told, warned, takes, overSince } = asked;
  const taken = TAKEN[takes];
  const wasTold = sql`id <= ${told} and (severity = 'critical' or id <= ${warned})`;
  const { event, anomaly } = toldThoughMuted(asked);
  // Warnings that were not for the channel when it was told last may be by now.
  const from = takes === "all" ? Math.min(told, warned) : told;
  return sql`
    with since as (
      select anomaly_id,
        max(case when transition in ${ALARMS} and ${event} and ${taken} and not (${wasTold}) then id end) as alarm,
        max(case when transition = 'resolved' and id > ${told} then id end) as over_at,
        max(case when transition = 'resolved' and id > ${told} and ${event} then id end) as over_told
      from anomaly_events where cluster_id = ${clusterId} and rule = ${rule} and id > ${from} group by anomaly_id),
    about as (
      select a.id, since.alarm, since.over_at, since.over_told
      from anomalies a indexed by anomalies_open left join since on since.anomaly_id = a.id
      where a.cluster_id = ${clusterId} and a.rule = ${rule} and a.resolved_at is null
      union all
      select a.id, since.alarm, since.over_at, since.over_told
      from since cross join anomalies a on a.id = since.anomaly_id
      where a.resolved_at is not null and since.over_at is not null),
    known as (
      select about.*, (
        select max(id) from anomaly_events
        where anomaly_id = about.id and transition in ${ALARMS} and ${event} and ${wasTold}
      ) as known from about),
    classified as (
      select a.*, known.alarm, known.known, known.over_at, ${taken} as wanted,
        case when a.resolved_at is null and (known.alarm is not null or known.known is not null) then
            case when not (${anomaly}) then 'hushed' when known.alarm is not null then 'opened' else 'open' end
          when known.known is not null then case when known.over_told is not null then 'resolved' else 'quiet' end
          when known.alarm is not null and known.alarm <= ${overSince} and known.over_at > ${overSince} then 'over'
        end as news
      from known cross join anomalies a on a.id = known.id)`;
};

/** Whether the channel is told of an event, and of an anomaly as it is now: muted is not for it what keeps it quiet is not told to it either. */
function toldThoughMuted({ unheard }: NewsAsked): { event: SQL; anomaly: SQL } {
  if (unheard.length === 0) return { event: sql`muted is null`, anomaly: sql`a.muted is null` };
  const names = sql`(select value from json_each(${JSON.stringify(unheard)}))`;
  return {
    event: sql`(muted is null or (muted = 'inhibited' and "by" in ${names}))`,
    anomaly: sql`(a.muted is null or (a.muted = 'inhibited' and (
      select e."by" from anomaly_events e where e.anomaly_id = a.id and e.muted = 'inhibited' order by e.id desc limit 1) in ${names}))`,
  };
}

const COUNTS = sql`
  select coalesce(sum(news = 'opened'), 0) as opened, coalesce(sum(news = 'resolved'), 0) as resolved,
    coalesce(sum(news = 'quiet'), 0) as quiet, coalesce(sum(news = 'over'), 0) as over,
    coalesce(sum(news in ('opened', 'open')), 0) as open,
    coalesce(sum(news in ('opened', 'open') and severity = 'critical'), 0) as openCritical,
    coalesce(sum(news in ('opened', 'open') and acknowledged_at is null and wanted), 0) as unacknowledged,
    count(distinct case when news in ('opened', 'open') and node_id <> 0 then node_id end) as affected,
    coalesce(sum(news = 'hushed'), 0) as hushed
  from classified where news is not null`;

/** The worse the further it is beyond its limit, whichever side is wrong. */
const IMPORTANT = sql`severity = 'warning', acknowledged_at is not null,
  abs((finding ->> 'value') - (finding ->> 'limit')) / max(abs(finding ->> 'limit'), 1e-9) desc, id`;

/** Of each kind of news, the most important. */
const rowsOf = (limit: number): SQL => sql`,
  ranked as (
    select *, case news when 'quiet' then 'resolved' else news end as kind,
      row_number() over (partition by case news when 'quiet' then 'resolved' else news end order by ${IMPORTANT}) as place
    from classified where news is not null and news <> 'hushed')
  select kind as news, id, rule_version as ruleVersion, about, severity, opened_at as openedAt, resolved_at as resolvedAt,
    finding, peak, acknowledged_at as acknowledgedAt, acknowledged_by as acknowledgedBy, note as acknowledgedNote,
    case when resolved_at is not null then 'resolved'
      else (select transition from anomaly_events e where e.id = coalesce(alarm, known)) end as transition,
    (select e.note from anomaly_events e where e.id = over_at) as ended
  from ranked where place <= ${limit}
  order by case kind when 'opened' then 0 when 'open' then 1 when 'resolved' then 2 else 3 end, place`;
