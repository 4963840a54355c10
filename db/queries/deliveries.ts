import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { isToSend, SENDING_MS } from "./candidates.ts";
import type { Candidate } from "./candidates.ts";
import { ALARMS, isMoreAfter, nextTelling, ofGroup } from "./outbox.ts";
import type { DueGroup } from "./outbox.ts";

/** What became of messages is kept for so long. */
export const DELIVERIES_KEPT_MS = 30 * 86_400_000;
const ROWS_A_DELETION = 500;

export const DELIVERY_KINDS = ["firing", "resolved", "notice", "test"] as const;
export const DELIVERY_STATES = ["waiting", "sending", "sent", "dead"] as const;
export type DeliveryKind = (typeof DELIVERY_KINDS)[number];
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export type NewDelivery = { key: string; kind: DeliveryKind; alert: unknown; now: number };

/** A message to a group; none where one is on its way, or where it was told since. */
export const insertForGroup = (
  { key, kind, alert, now }: NewDelivery,
  group: DueGroup,
  toEvent: number,
): SQL => sql`
  insert into deliveries (channel_id, key, cluster_id, rule, kind, from_event, to_event, state, attempt, due_at, created_at, alert)
  select channel_id, ${key}, cluster_id, rule, ${kind}, told, ${toEvent}, 'waiting', 0, ${now}, ${now}, ${JSON.stringify(alert)}
  from alert_groups where ${ofGroup(group)} and told = ${group.told}
    and exists (select 1 from channels where id = ${group.channelId} and enabled)
  on conflict do nothing`;

/** Words of the service about itself. */
export type Notice = Omit<NewDelivery, "kind"> & { channelId: number };

/** Whether there is a message of that key, to any channel. */
export const isKnown = async (db: Db, key: string): Promise<boolean> =>
  (await db.all(sql`select 1 from deliveries where key = ${key} limit 1`)).length > 0;

/** None where there is one with that key. */
const insertNotice = ({ channelId, key, alert, now }: Notice): SQL => sql`
  insert into deliveries (channel_id, key, kind, state, attempt, due_at, created_at, alert)
  values (${channelId}, ${key}, 'notice', 'waiting', 0, ${now}, ${now}, ${JSON.stringify(alert)})
  on conflict do nothing`;

export type Claim = {
  holder: string;
  now: number;
  /** Of the channel, once this message is sent. */
  bucket: { tokens: number; refilledAt: number; spacedAt: number };
  /** Nothing else is tried until then. */
  pausedUntil: number | null;
};

/** Takes the message, and a token of its channel; false where another has taken either. */
export async function claim(
  db: Db,
  found: Candidate,
  { holder, now, bucket, pausedUntil }: Claim,
): Promise<boolean> {
  const [taken] = await db.batch([
    db.all(sql`
      update deliveries as d set state = 'sending', holder = ${holder}, lease_until = ${now + SENDING_MS}
      where d.id = ${found.id} and ${isToSend(now)} and exists (
        select 1 from channels c where c.id = d.channel_id and c.enabled and c.tokens = ${found.tokens}
          and c.refilled_at = ${found.refilledAt} and c.spaced_at = ${found.spacedAt} and c.paused_until is ${found.pausedUntil})
      returning id`),
    db.run(sql`
      update channels set tokens = ${bucket.tokens}, refilled_at = ${bucket.refilledAt}, spaced_at = ${bucket.spacedAt}, paused_until = ${pausedUntil}
      where id = ${found.channelId} and ${held(found.id, holder)}`),
  ]);
  return taken.length > 0;
}

/** Holds while the message is this holder's to send. */
const held = (id: number, holder: string): SQL => sql`exists (
  select 1 from deliveries where id = ${id} and holder = ${holder} and state = 'sending')`;

/** A message that failed alone says nothing of its channel. */
const BROKEN_FAILURES = 2;
/** No message of a group waits for so long but what is left of one that was given up. */
const GIVEN_UP_WAIT_MS = 3_600_000;

/** Sends at once what waits for a channel that works again: hours may be left of the wait. */
const workingAgain = (channelId: number, now: number, guard: SQL): [messages: SQL, givenUp: SQL] => {
  const again = sql`${guard} and exists (
    select 1 from channels where id = ${channelId} and failures >= ${BROKEN_FAILURES})`;
  return [
    hasten(channelId, now, again),
    sql`update alert_groups set due_at = ${now}
      where channel_id = ${channelId} and due_at > ${now + GIVEN_UP_WAIT_MS} and ${again}`,
  ];
};

/** What waits for its next try is tried now. */
export const hasten = (channelId: number, now: number, guard: SQL = sql`true`): SQL => sql`
  update deliveries set due_at = ${now}
  where channel_id = ${channelId} and state = 'waiting' and due_at > ${now} and ${guard}`;

/** The channel works. */
const channelWorks = (channelId: number, now: number, guard: SQL): SQL => sql`
  update channels set failures = 0, paused_until = null, last_sent_at = ${now} where id = ${channelId} and ${guard}`;

export type SentGroup = Pick<DueGroup, "channelId" | "clusterId" | "rule" | "told"> & {
  toEvent: number;
  repeatAt: number | null;
  episode: number;
  ref: string | null;
  fleet: "warning" | "critical" | null;
};

const TAKES_WARNINGS = sql.raw(
  "(select filter ->> 'minSeverity' from channels where id = channel_id) is not 'critical'",
);

const groupSent = (group: SentGroup, now: number, guard: SQL): SQL => sql`
  update alert_groups set told = ${group.toEvent}, warned = iif(${TAKES_WARNINGS}, ${group.toEvent}, warned), sent_before = sent_at, sent_at = ${now}, repeat_at = ${group.repeatAt},
    episode = ${group.episode}, ref = ${group.ref}, fleet = ${group.fleet},
    due_at = case when ${isMoreAfter(group, group.toEvent)} then
      ${nextTelling(sql`${now}`, sql`sent_at`, isMoreAfter(group, group.toEvent, sql`severity = 'critical' and transition <> 'resolved'`))}
    end
  where ${ofGroup(group)} and told = ${group.told} and ${guard}`;

/** Of what is open and of what happened since: no message names what is muted, or of no matter to the channel. */
const announce = ({ channelId, clusterId, rule, told, toEvent }: SentGroup, guard: SQL): SQL => sql`
  update anomalies set announced = 1
  where not announced and muted is null and ${guard} and id in (
      select id from anomalies where cluster_id = ${clusterId} and rule = ${rule} and resolved_at is null
      union all select anomaly_id from anomaly_events
        where cluster_id = ${clusterId} and rule = ${rule} and id > ${told} and id <= ${toEvent})
    and exists (
      select 1 from anomaly_events e
      where e.anomaly_id = anomalies.id and e.id <= ${toEvent} and e.muted is null and e.transition in ${ALARMS}
        and (e.severity = 'critical'
          or (select filter ->> 'minSeverity' from channels where id = ${channelId}) is not 'critical'))`;

export type Done = {
  id: number;
  channelId: number;
  holder: string;
  now: number;
  kind: DeliveryKind;
  alert: unknown;
  status: number | null;
};

/** Notes that it was sent, with what its group is told by it. Nothing where another has taken it over. */
export async function markSent(db: Db, done: Done, group: SentGroup | undefined): Promise<void> {
  const { id, channelId, holder, now, kind, alert, status } = done;
  const guard = held(id, holder);
  const [messages, givenUp] = workingAgain(channelId, now, guard);
  await db.batch([
    db.run(messages),
    db.run(givenUp),
    db.run(channelWorks(channelId, now, guard)),
    ...(group ? [db.run(groupSent(group, now, guard)), db.run(announce(group, guard))] : []),
    db.run(sql`
      update deliveries set state = 'sent', sent_at = ${now}, kind = ${kind}, alert = ${JSON.stringify(alert)}, status = ${status},
        error = null, attempt = attempt + 1, to_event = ${group ? group.toEvent : null}, lease_until = null
      where id = ${id} and holder = ${holder} and state = 'sending'`),
  ]);
}

export type Failed = Done & {
  error: string;
  /** Of the channel. */
  failures: number;
  pausedUntil: number | null;
  /** Where the channel has moved to, sealed. */
  sealed?: Uint8Array | undefined;
  /** Tell another channel of it. */
  notices: readonly Notice[];
};

const channelFailed = ({ channelId, failures, pausedUntil, sealed, id, holder }: Failed): SQL => sql`
  update channels set failures = ${failures}, paused_until = ${pausedUntil}
    ${sealed ? sql`, sealed = ${sealed}` : sql``} where id = ${channelId} and ${held(id, holder)}`;

/** Notes that it was not sent, and when it is tried again. */
export async function markLater(db: Db, failed: Failed, dueAt: number): Promise<void> {
  const { id, holder, status, error, kind, alert } = failed;
  await db.batch([
    db.run(channelFailed(failed)),
    ...failed.notices.map((notice) => db.run(insertNotice(notice))),
    db.run(sql`
      update deliveries set state = 'waiting', attempt = attempt + 1, due_at = ${dueAt}, status = ${status}, error = ${error},
        kind = ${kind}, alert = ${JSON.stringify(alert)}, holder = null, lease_until = null
      where id = ${id} and holder = ${holder} and state = 'sending'`),
  ]);
}

export type Dead = Failed & {
  /** Why the channel is switched off by it. */
  disabledReason?: string | undefined;
  group?:
    | (Pick<DueGroup, "channelId" | "clusterId" | "rule" | "told"> & {
        toEvent: number;
        repeatAt: number | null;
        /** When what it was to tell is told after all; null: that is over. */
        againAt: number | null;
        /** What was given up is told again so often that it is not worth keeping. */
        resent: boolean;
      })
    | undefined;
};

/** Notes that it is given up. What its group has not been told is told with its next message. */
export async function markDead(db: Db, dead: Dead): Promise<void> {
  const { id, channelId, holder, status, error, kind, alert, group, disabledReason } = dead;
  const guard = held(id, holder);
  await db.batch([
    db.run(channelFailed(dead)),
    ...dead.notices.map((notice) => db.run(insertNotice(notice))),
    ...(group
      ? [
          db.run(sql`
            update alert_groups set repeat_at = ${group.repeatAt},
              due_at = case when ${isMoreAfter(group, group.toEvent)}
                then min(coalesce(due_at, ${group.againAt}), coalesce(${group.againAt}, due_at)) else ${group.againAt} end
            where ${ofGroup(group)} and ${guard}`),
          db.run(sql`
            delete from deliveries
            where ${ofGroup(group)} and state = 'dead' and from_event = ${group.told} and id <> ${id} and ${group.resent} and ${guard}`),
        ]
      : []),
    ...(disabledReason === undefined
      ? []
      : disable(channelId, disabledReason, guard).map((query) => db.run(query))),
    db.run(sql`
      update deliveries set state = 'dead', attempt = attempt + 1, status = ${status}, error = ${error}, kind = ${kind},
        alert = ${JSON.stringify(alert)}, lease_until = null
      where id = ${id} and holder = ${holder} and state = 'sending'`),
  ]);
}

/** Switches a channel off; what waits for it is given up. */
export const switchOff = (channelId: number, reason: string): SQL[] => disable(channelId, reason, sql`true`);

const disable = (channelId: number, reason: string, guard: SQL): SQL[] => [
  sql`update channels set enabled = 0, disabled_reason = ${reason} where id = ${channelId} and ${guard}`,
  sql`update deliveries set state = 'dead', error = ${`the channel is switched off: ${reason}`}
    where channel_id = ${channelId} and state = 'waiting' and ${guard}`,
  sql`update alert_groups set due_at = null where channel_id = ${channelId} and ${guard}`,
];

/** Drops a message that has nothing to say any more, and notes what of its group, where that is there, need not be told. */
export async function drop(
  db: Db,
  { id, holder }: { id: number; holder: string },
  settled: SQL | undefined,
): Promise<void> {
  await db.batch([
    db.run(sql`${settled ?? sql`select 1 where true`} and ${held(id, holder)}`),
    db.run(sql`delete from deliveries where id = ${id} and holder = ${holder} and state = 'sending'`),
  ]);
}

/** Forgets some of what is over for long. Where there is nothing, nothing is locked. */
export async function forgetDeliveries(db: Db, now: number): Promise<void> {
  const old = await db.all<{ id: number }>(sql`
    select id from deliveries where state in ('sent', 'dead') and due_at < ${now - DELIVERIES_KEPT_MS}
    limit ${ROWS_A_DELETION}`);
  if (old.length === 0) return;
  const ids = JSON.stringify(old.map(({ id }) => id));
  await db.run(
    sql`delete from deliveries where id in (select value from json_each(${ids})) and state in ('sent', 'dead')`,
  );
}
