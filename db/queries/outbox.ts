import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";

/** The next message of a group is sent no sooner than this after the first one of a burst, and after any where it got worse. */
export const GROUP_WAIT_MS = 30_000;
/** Further ones no sooner than this after each other. */
export const GROUP_INTERVAL_MS = 300_000;

/** What people are woken for; the other transitions are told along with these. */
export const NEWS = ["opened", "worsened", "unmuted", "flapping", "resolved"] as const;
/** NEWS of which something is wrong, as SQL has it. */
export const ALARMS = sql.raw("('opened', 'worsened', 'unmuted', 'flapping')");

/** A transition that channels may have to be told of. */
export type OutboxEvent = {
  clusterId: number;
  rule: string;
  severity: "warning" | "critical";
  transition: string;
  muted?: string | null | undefined;
  /** The rule that keeps it quiet where it is inhibited. */
  by?: string | null | undefined;
};

/** A channel that is switched on, and what it is told of. */
export type Listener = {
  id: number;
  accepts: (news: { clusterId: number; rule: string; severity: "warning" | "critical" }) => boolean;
};

/** When a group may be told next, in SQL: of the times its last two messages were sent, and whether it got worse. */
export const nextTelling = (sentAt: SQL, sentBefore: SQL, urgent: SQL): SQL => sql`
  case when ${sentAt} is null then 0
    when ${urgent} or ${sentBefore} is null or ${sentAt} - ${sentBefore} >= ${GROUP_INTERVAL_MS}
      then ${sentAt} + ${GROUP_WAIT_MS}
    else ${sentAt} + ${GROUP_INTERVAL_MS} end`;

type Mark = { channelId: number; clusterId: number; rule: string; urgent: boolean; over: boolean };

/**
 * Marks what is to be told to whom: belongs into the batch that writes the events. None where nobody is to be told of any.
 * That something resolved is marked only where it was told, whatever its severity is by then.
 */
export function dueMarks(
  events: readonly OutboxEvent[],
  listeners: readonly Listener[],
  now: number,
  guard: SQL,
): SQL[] {
  const marks = new Map<string, Mark>();
  for (const event of events) {
    if (!(NEWS as readonly string[]).includes(event.transition)) continue;
    for (const { id, accepts } of listeners) if (isNewsTo(event, accepts)) markOf(marks, event, id, accepts);
  }
  const all = [...marks.values()];
  const alarms = all.filter(({ over }) => !over);
  const resolved = all.filter(({ over }) => over);
  return [
    ...(alarms.length > 0 ? [markAlarms(alarms, now, guard)] : []),
    ...(alarms.some(({ urgent }) => urgent) ? [hastenUrgent(alarms, now, guard)] : []),
    ...(resolved.length > 0 ? [markResolved(resolved, now, guard)] : []),
  ];
}

/** What is inhibited is news to who is not told of what inhibits it. */
const isNewsTo = ({ muted, by, clusterId }: OutboxEvent, accepts: Listener["accepts"]): boolean =>
  !muted || (muted === "inhibited" && !!by && !accepts({ clusterId, rule: by, severity: "critical" }));

function markOf(
  marks: Map<string, Mark>,
  { clusterId, rule, severity, transition }: OutboxEvent,
  channelId: number,
  accepts: Listener["accepts"],
): void {
  const over = transition === "resolved";
  // Who was told hears of the end, whatever the filter is by then.
  if (!over && !accepts({ clusterId, rule, severity })) return;
  const key = `${channelId} ${clusterId} ${rule}`;
  const known = marks.get(key);
  marks.set(key, {
    channelId,
    clusterId,
    rule,
    urgent: (known?.urgent ?? false) || (!over && severity === "critical"),
    over: (known?.over ?? true) && over,
  });
}

/** A new group was told nothing yet; what is over by then is no news to it. */
const markAlarms = (marks: readonly Mark[], now: number, guard: SQL): SQL => sql`
  insert into alert_groups (channel_id, cluster_id, rule, told, due_at, episode)
  select value ->> 'channelId', value ->> 'clusterId', value ->> 'rule', 0, ${now}, 0
  from json_each(${JSON.stringify(marks)}) cross join channels c on c.id = value ->> 'channelId' and c.enabled
  where ${guard}
  on conflict do update set due_at = min(coalesce(due_at, ${Number.MAX_SAFE_INTEGER}), max(${now},
    ${nextTelling(
      // What a clock that went back has left is not to be waited for.
      sql`min(sent_at, ${now})`,
      sql`sent_before`,
      sql`exists (
      select 1 from json_each(${JSON.stringify(marks)})
      where value ->> 'channelId' = channel_id and value ->> 'clusterId' = cluster_id and value ->> 'rule' = rule
        and value ->> 'urgent')`,
    )}))`;

/** A message that waits for its next try tells of what is urgent: that is not to wait for hours. */
const hastenUrgent = (marks: readonly Mark[], now: number, guard: SQL): SQL => sql`
  update deliveries set due_at = ${now} where ${guard} and id in (
    select d.id from json_each(${JSON.stringify(marks.filter(({ urgent }) => urgent))}) m cross join deliveries d
      on d.channel_id = m.value ->> 'channelId' and d.cluster_id = m.value ->> 'clusterId' and d.rule = m.value ->> 'rule'
    where d.state in ('waiting', 'sending') and d.rule is not null and d.state = 'waiting' and d.due_at > ${now})`;

const markResolved = (marks: readonly Mark[], now: number, guard: SQL): SQL => sql`
  update alert_groups set due_at = min(coalesce(due_at, ${Number.MAX_SAFE_INTEGER}), max(${now},
    ${nextTelling(sql`min(sent_at, ${now})`, sql`sent_before`, sql`false`)}))
  from json_each(${JSON.stringify(marks)}) m
  where channel_id = m.value ->> 'channelId' and cluster_id = m.value ->> 'clusterId' and rule = m.value ->> 'rule'
    and repeat_at is not null and ${guard}`;

/** A group of a channel that is to be told something. */
export type DueGroup = {
  channelId: number;
  clusterId: number;
  cluster: string;
  rule: string;
  told: number;
  /** Of warnings, up to this event. */
  warned: number;
  sentAt: number | null;
  repeatAt: number | null;
  episode: number;
  fleet: "warning" | "critical" | null;
  /** Of the channel; the filter in JSON. */
  kind: string;
  filter: string;
};

const GROUP =
  sql.raw(`g.channel_id as channelId, g.cluster_id as clusterId, cl.name as cluster, g.rule, g.told, g.warned,
  g.sent_at as sentAt, g.repeat_at as repeatAt, g.episode, g.fleet, c.kind, c.filter
  from alert_groups g cross join channels c on c.id = g.channel_id and c.enabled
  cross join clusters cl on cl.id = g.cluster_id`);

/** No message of it is on its way: it is told when that is there, and of what has happened by then. */
export const AT_REST = sql.raw(`not exists (
  select 1 from deliveries d
  where d.channel_id = g.channel_id and d.cluster_id = g.cluster_id and d.rule = g.rule
    and d.state in ('waiting', 'sending') and d.rule is not null)`);

/** Those that are due, at most `limit`. */
export const dueGroups = (db: Db, now: number, limit: number): Promise<DueGroup[]> =>
  db.all(sql`
    select ${GROUP} where (g.due_at <= ${now} or g.repeat_at <= ${now}) and ${AT_REST}
    order by min(coalesce(g.due_at, g.repeat_at), coalesce(g.repeat_at, g.due_at)) limit ${limit}`);

/** When the next group is due, in epoch ms. */
export async function nextGroupAt(db: Db): Promise<number | undefined> {
  const [row] = await db.all<{ at: number | null }>(sql`
    select min(min(coalesce(g.due_at, g.repeat_at), coalesce(g.repeat_at, g.due_at))) as at
    from alert_groups g cross join channels c on c.id = g.channel_id and c.enabled
    where (g.due_at is not null or g.repeat_at is not null) and ${AT_REST}`);
  return row?.at ?? undefined;
}

export async function groupOf(
  db: Db,
  { channelId, clusterId, rule }: { channelId: number; clusterId: number; rule: string },
): Promise<(DueGroup & { ref: string | null }) | undefined> {
  const [row] = await db.all<DueGroup & { ref: string | null }>(sql`
    select g.ref, ${GROUP} where g.channel_id = ${channelId} and g.cluster_id = ${clusterId} and g.rule = ${rule}`);
  return row;
}

type GroupKey = Pick<DueGroup, "channelId" | "clusterId" | "rule">;
export const ofGroup = ({ channelId, clusterId, rule }: GroupKey): SQL =>
  sql`channel_id = ${channelId} and cluster_id = ${clusterId} and rule = ${rule}`;

/** Whether something is to be told that happened after this event. */
export const isMoreAfter = (
  { clusterId, rule }: { clusterId: number | SQL; rule: string | SQL },
  event: number | SQL,
  more: SQL = sql`true`,
): SQL => sql`exists (
  select 1 from anomaly_events
  where cluster_id = ${clusterId} and rule = ${rule} and id > ${event} and ${more}
    and (muted is null or (muted = 'inhibited' and "by" is not null))
    and transition in (${sql.raw(NEWS.map((name) => `'${name}'`).join(", "))}))`;

/** Notes that nothing is to be told of what happened up to `told`, until `dueAt`; nothing where it was told since. */
export const settle = (
  group: GroupKey & { told: number },
  {
    told,
    latest,
    dueAt,
    repeatAt,
  }: { told: number; latest: number; dueAt: number | null; repeatAt: number | null },
): SQL => sql`
  update alert_groups set told = ${told}, repeat_at = ${repeatAt},
    due_at = case when ${isMoreAfter(group, latest)} then due_at else ${dueAt} end
  where ${ofGroup(group)} and told = ${group.told}`;

/**
 * Tells a channel of what it was not told yet, and of all that is open in groups that are new to it. Where something it was told of is
 * open still, that is said again: were it forgotten, its end would not be told.
 */
export const tellAnew = (
  channelId: number,
  groups: readonly { clusterId: number; rule: string; isNew: boolean }[],
  now: number,
): SQL[] => [
  sql`update alert_groups set due_at = ${now} where channel_id = ${channelId}`,
  sql`
    update alert_groups set told = iif(repeat_at is null, 0, told), repeat_at = iif(repeat_at is null, null, ${now})
    where channel_id = ${channelId} and exists (
      select 1 from json_each(${JSON.stringify(groups.filter(({ isNew }) => isNew))})
      where value ->> 'clusterId' = cluster_id and value ->> 'rule' = rule)`,
  sql`
    insert into alert_groups (channel_id, cluster_id, rule, told, due_at, episode)
    select c.id, value ->> 'clusterId', value ->> 'rule', 0, ${now}, 0
    from channels c cross join json_each(${JSON.stringify(groups)}) where c.id = ${channelId}
    on conflict do nothing`,
];

/** Where something is open. */
export const groupsAlive = (db: Db): Promise<{ clusterId: number; cluster: string; rule: string }[]> =>
  db.all(sql`
    select distinct a.cluster_id as clusterId, c.name as cluster, a.rule
    from anomalies a cross join clusters c on c.id = a.cluster_id where a.resolved_at is null`);
