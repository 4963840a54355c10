import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { DeliveryKind, DeliveryState } from "./deliveries.ts";

/** A message as lists show it; `counts` in JSON. */
export type DeliveryRow = {
  id: number;
  channelId: number;
  channel: string;
  cluster: string | null;
  rule: string | null;
  kind: DeliveryKind;
  state: DeliveryState;
  attempt: number;
  dueAt: number;
  createdAt: number;
  sentAt: number | null;
  status: number | null;
  error: string | null;
  severity: string;
  counts: string;
};

export type DeliveriesAsked = {
  channelId?: number | undefined;
  state?: DeliveryState | undefined;
  clusterId?: number | undefined;
  /** Messages that told of it. */
  anomalyId?: number | undefined;
  from: number;
  to: number;
  /** Only those before. */
  before?: number | undefined;
  limit: number;
};

const SHOWN =
  sql.raw(`d.id, d.channel_id as channelId, c.name as channel, cl.name as cluster, d.rule, d.kind, d.state,
  d.attempt, max(d.due_at, coalesce(c.paused_until, 0)) as dueAt, d.created_at as createdAt, d.sent_at as sentAt, d.status, d.error,
  d.alert ->> 'severity' as severity, d.alert ->> 'counts' as counts`);
const FROM = sql.raw(`from deliveries d cross join channels c on c.id = d.channel_id
  left join clusters cl on cl.id = d.cluster_id`);

/** The latest first. */
export function listDeliveries(db: Db, asked: DeliveriesAsked): Promise<DeliveryRow[]> {
  const { channelId, state, clusterId, anomalyId, from, to, before, limit } = asked;
  return db.all(sql`
    select ${SHOWN} ${FROM}
    where d.created_at >= ${from} and d.created_at < ${to}
      ${before === undefined ? sql`` : sql`and d.id < ${before}`}
      ${channelId === undefined ? sql`` : sql`and d.channel_id = ${channelId}`}
      ${state === undefined ? sql`` : sql`and d.state = ${state} and (d.state <> 'dead' or d.kind <> 'test')`}
      ${clusterId === undefined ? sql`` : sql`and d.cluster_id = ${clusterId}`}
      ${
        anomalyId === undefined
          ? sql``
          : sql`and exists (
              select 1 from anomaly_events e
              where e.anomaly_id = ${anomalyId} and e.cluster_id = d.cluster_id and e.rule = d.rule
                and e.id > d.from_event and e.id <= d.to_event)`
      }
    order by d.id desc limit ${limit}`);
}

export async function deliveryById(
  db: Db,
  id: number,
): Promise<(DeliveryRow & { alert: string }) | undefined> {
  const [row] = await db.all<DeliveryRow & { alert: string }>(
    sql`select ${SHOWN}, d.alert ${FROM} where d.id = ${id}`,
  );
  return row;
}

/** Sends again what was given up; false where it was not, its channel is off, or its group was told since or is about to be. */
export async function replayDelivery(db: Db, id: number, now: number): Promise<boolean> {
  const rows = await db.all(sql`
    update or ignore deliveries as d
    set state = 'waiting', attempt = 0, due_at = ${now}, created_at = ${now}, holder = null, lease_until = null
    where d.id = ${id} and d.state = 'dead' and d.kind <> 'test'
      and exists (select 1 from channels c where c.id = d.channel_id and c.enabled)
      and (d.rule is null or exists (
        select 1 from alert_groups g
        where g.channel_id = d.channel_id and g.cluster_id = d.cluster_id and g.rule = d.rule and g.told = d.from_event))
    returning id`);
  return rows.length > 0;
}
