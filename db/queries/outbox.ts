import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";

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
    if (event.muted || !(NEWS as readonly string[]).includes(event.transition)) continue;
    for (const { id, accepts } of listeners) markOf(marks, event, id, accepts);
  }
  const all = [...marks.values()];
  const alarms = all.filter(({ over }) => !over);
  const resolved = all.filter(({ over }) => over);
  return [
    ...(alarms.length > 0 ? [markAlarms(alarms, now, guard)] : []),
    ...(resolved.length > 0 ? [markResolved(resolved, now, guard)] : []),
  ];
}

function markOf(
  marks: Map<string, Mark>,
  { clusterId, rule, severity, transition }: OutboxEvent,
  channelId: number,
  accepts: Listener["accepts"],
): void {
  const over = transition === "resolved";
  if (!accepts({ clusterId, rule, severity: over ? "critical" : severity })) return;
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

/** A new group was told nothing yet: that of old events is not news is found when its message is made. */
const markAlarms = (marks: readonly Mark[], now: number, guard: SQL): SQL => sql`
  insert into alert_groups (channel_id, cluster_id, rule, told, due_at, episode)
  select value ->> 'channelId', value ->> 'clusterId', value ->> 'rule', 0, ${now}, 0
  from json_each(${JSON.stringify(marks)}) where ${guard}
  on conflict do update set due_at = min(coalesce(due_at, ${Number.MAX_SAFE_INTEGER}), max(${now},
    ${nextTelling(
      sql`sent_at`,
      sql`sent_before`,
      sql`exists (
      select 1 from json_each(${JSON.stringify(marks)})
      where value ->> 'channelId' = channel_id and value ->> 'clusterId' = cluster_id and value ->> 'rule' = rule
        and value ->> 'urgent')`,
    )}))`;

const markResolved = (marks: readonly Mark[], now: number, guard: SQL): SQL => sql`
  update alert_groups set due_at = min(coalesce(due_at, ${Number.MAX_SAFE_INTEGER}), max(${now},
    ${nextTelling(sql`sent_at`, sql`sent_before`, sql`false`)}))
  from json_each(${JSON.stringify(marks)}) m
  where channel_id = m.value ->> 'channelId' and cluster_id = m.value ->> 'clusterId' and rule = m.value ->> 'rule'
    and repeat_at is not null and ${guard}`;
