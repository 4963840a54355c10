import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { DeliveryKind } from "./deliveries.ts";
import { isMoreAfter } from "./outbox.ts";

/** Longer than it takes to send a message and to note it; one whose sender was killed is sent again no sooner. */
export const SENDING_MS = 60_000;
/** A message that may be sent, with what is to be known of its channel. */
export type Candidate = {
  id: number;
  channelId: number;
  key: string;
  clusterId: number | null;
  rule: string | null;
  kind: DeliveryKind;
  /** sending: whoever took it before may have sent it. */
  state: "waiting" | "sending";
  toEvent: number | null;
  attempt: number;
  error: string | null;
  createdAt: number;
  alert: string;
  channelKind: string;
  channelName: string;
  language: string;
  sealed: ArrayBuffer | number[] | Uint8Array;
  tokens: number;
  refilledAt: number;
  spacedAt: number;
  failures: number;
  pausedUntil: number | null;
  /** 1: its channel heard of it within the last hour, or hears nothing new by it. */
  often: number;
};

export const isToSend = (now: number): SQL => sql`(
  (d.state = 'waiting' and d.due_at <= ${now})
  or (d.state = 'sending' and (d.lease_until <= ${now} or d.lease_until > ${now + 2 * SENDING_MS})))`;

/** What a channel heard of within this time it hears of often. */
const OFTEN_MS = 3_600_000;

/** Of what is waiting, what is news, of which severity, and when its group was told last. */
const ranked = (now: number, where: SQL): SQL => {
  const since = (more: SQL) =>
    isMoreAfter({ clusterId: sql`d.cluster_id`, rule: sql`d.rule` }, sql`d.to_event`, more);
  return sql`
    said as (
      select d.id, d.channel_id, d.due_at, g.sent_at,
        coalesce(d.alert ->> 'repeat', 0) and not ${since(sql`true`)} as repeats,
        d.alert ->> 'severity' = 'critical' or ${since(sql`severity = 'critical' and transition <> 'resolved'`)} as critical
      from deliveries d
      left join alert_groups g on g.channel_id = d.channel_id and g.cluster_id = d.cluster_id and g.rule = d.rule
      where d.state in ('waiting', 'sending') and ${where}),
    ranked as (
      select *, repeats or coalesce(sent_at > ${now - OFTEN_MS} and sent_at <= ${now}, 0) as often from said)`;
};

/**
 * Of each channel that is switched on and not paused, the most important message that is due, and that of those it seldom hears of:
 * news first, then what is critical, then what was told the longest ago.
 */
export const candidates = (db: Db, now: number): Promise<Candidate[]> =>
  db.all(sql`
    with ${ranked(now, isToSend(now))},
    placed as (
      select *, row_number() over (
        partition by channel_id, often order by repeats, critical desc, coalesce(sent_at, 0), due_at, id) as place
      from ranked)
    select d.id, d.channel_id as channelId, d.key, d.cluster_id as clusterId, d.rule, d.kind, d.state,
      d.to_event as toEvent, d.attempt, d.error, d.created_at as createdAt, d.alert, c.kind as channelKind,
      c.name as channelName, c.language, c.sealed, c.tokens, c.refilled_at as refilledAt, c.spaced_at as spacedAt, c.failures,
      c.paused_until as pausedUntil, p.often
    from placed p cross join deliveries d on d.id = p.id cross join channels c on c.id = d.channel_id
    where p.place = 1 and c.enabled and coalesce(c.paused_until, 0) <= ${now}
    order by p.repeats, p.critical desc, coalesce(p.sent_at, 0), p.due_at, p.id`);

/** What waits for each channel that is switched on, apart what it hears of often. */
export type Waiting = {
  channelKind: string;
  tokens: number;
  refilledAt: number;
  spacedAt: number;
  pausedUntil: number | null;
  often: number;
  dueAt: number;
};

export const waiting = (db: Db, now: number): Promise<Waiting[]> =>
  db.all(sql`
    with ${ranked(now, sql`true`)}
    select c.kind as channelKind, c.tokens, c.refilled_at as refilledAt, c.spaced_at as spacedAt, c.paused_until as pausedUntil, r.often,
      min(case d.state when 'waiting' then d.due_at else d.lease_until end) as dueAt
    from ranked r cross join deliveries d on d.id = r.id cross join channels c on c.id = d.channel_id and c.enabled
    group by c.id, r.often`);
