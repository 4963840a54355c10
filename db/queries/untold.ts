import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { ALARMS, AT_REST, GROUP_INTERVAL_MS, nextTelling } from "./outbox.ts";
import type { Listener } from "./outbox.ts";

/** Clocks are not exact. */
const AHEAD_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Nothing waits longer: neither for its next try, nor in a pause. */
const LONGEST_WAIT_MS = 6 * HOUR_MS;
const LONGEST_REPEAT_MS = 24 * HOUR_MS;

/** Lets nothing wait for a time that a clock which went back has left. */
const withoutFuture = (now: number): SQL[] => [
  sql`update alert_groups set sent_at = ${now}, sent_before = min(sent_before, ${now}),
      due_at = min(due_at, ${now + GROUP_INTERVAL_MS}), repeat_at = min(repeat_at, ${now + LONGEST_REPEAT_MS})
    where sent_at > ${now + AHEAD_MS}`,
  sql`update alert_groups set due_at = ${now} where due_at > ${now + LONGEST_REPEAT_MS + AHEAD_MS}`,
  sql`update channels set refilled_at = min(refilled_at, ${now}), last_sent_at = min(last_sent_at, ${now}),
      paused_until = iif(paused_until > ${now + LONGEST_WAIT_MS}, null, paused_until)
    where refilled_at > ${now + AHEAD_MS} or last_sent_at > ${now + AHEAD_MS} or paused_until > ${now + LONGEST_WAIT_MS + AHEAD_MS}`,
  sql`update deliveries set due_at = ${now}, created_at = min(created_at, ${now})
    where state = 'waiting' and due_at > ${now + LONGEST_WAIT_MS + AHEAD_MS}`,
];

/** Whose news nothing is to tell: such as what was given up when it was not marked, or happened while the channel was made. */
const marked = (now: number): SQL => sql`
  update alert_groups as g set due_at = max(${now}, ${nextTelling(sql`min(sent_at, ${now})`, sql`sent_before`, sql`false`)})
  where due_at is null and exists (select 1 from channels c where c.id = g.channel_id and c.enabled) and ${AT_REST}
    and exists (
      select 1 from anomaly_events e cross join anomalies a on a.id = e.anomaly_id
      where e.cluster_id = g.cluster_id and e.rule = g.rule and e.id > g.told and e.muted is null
        and (e.transition in ${ALARMS} and a.resolved_at is null and a.muted is null
          or e.transition = 'resolved' and g.repeat_at is not null))`;

/** Marks what is to be told and was not, whatever it was lost by. Cheap where all is well. */
export async function markUntold(db: Db, listeners: readonly Listener[], now: number): Promise<void> {
  const [first, ...others] = [...withoutFuture(now), marked(now)].map((statement) => db.run(statement));
  if (listeners.length === 0 || !first) return;
  await db.batch([first, ...others]);
  const groups = await groupsUnknown(db);
  const unknown = groups.filter(({ channelId, clusterId, rule }) =>
    listeners.some(
      ({ id, accepts }) => id === channelId && accepts({ clusterId, rule, severity: "critical" }),
    ),
  );
  if (unknown.length === 0) return;
  await db.run(sql`
    insert into alert_groups (channel_id, cluster_id, rule, told, due_at, episode)
    select value ->> 'channelId', value ->> 'clusterId', value ->> 'rule', 0, ${now}, 0
    from json_each(${JSON.stringify(unknown)}) cross join channels c on c.id = value ->> 'channelId' and c.enabled
    where true on conflict do nothing`);
}

/** In which something is open, without a note of what the channel was told. */
const groupsUnknown = (db: Db): Promise<{ channelId: number; clusterId: number; rule: string }[]> =>
  db.all(sql`
    select c.id as channelId, a.cluster_id as clusterId, a.rule
    from (select distinct cluster_id, rule from anomalies where resolved_at is null and muted is null) a
      cross join channels c on c.enabled
    where not exists (
      select 1 from alert_groups g where g.channel_id = c.id and g.cluster_id = a.cluster_id and g.rule = a.rule)`);

/** Anomalies that got worse while something greater hid them: nobody heard of that yet. */
export async function worseUnheard(db: Db, clusterId: number): Promise<Set<number>> {
  const rows = await db.all<{ id: number }>(sql`
    select a.id from anomalies a indexed by anomalies_open
    where a.cluster_id = ${clusterId} and a.resolved_at is null and exists (
      select 1 from anomaly_events e
      where e.anomaly_id = a.id and e.transition = 'worsened' and e.muted is not null and not exists (
        select 1 from anomaly_events l
        where l.anomaly_id = a.id and l.id > e.id and l.muted is null and l.transition in ${ALARMS}))`);
  return new Set(rows.map(({ id }) => id));
}
