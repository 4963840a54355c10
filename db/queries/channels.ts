import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { innermost } from "../failure.ts";
import { storable } from "../text.ts";
import { hasten } from "./deliveries.ts";
import { tellAnew } from "./outbox.ts";

/** Of each channel that is switched on, what it is told of, in JSON. */
export const enabledFilters = (db: Db): Promise<{ id: number; filter: string }[]> =>
  db.all(sql`select id, filter from channels where enabled`);

/**
 * A channel that is on, is not this one and has no message whose key is `key`, or is that with `/` and more: rather one that works, then one that is told of the same
 * clusters, or of all; then the one that worked last.
 */
export async function healthiestChannel(
  db: Db,
  not: number,
  key: string,
  now: number,
): Promise<{ id: number; language: string } | undefined> {
  const [row] = await db.all<{ id: number; language: string }>(sql`
    select id, language from channels
    where id <> ${not} and enabled
      and not exists (select 1 from deliveries d where d.channel_id = channels.id and d.key >= ${key} and d.key < ${`${key}0`})
    order by failures > 0 or coalesce(paused_until, 0) > ${now}, filter ->> 'clusters' is not null
        and filter ->> 'clusters' is not (select b.filter ->> 'clusters' from channels b where b.id = ${not}),
      failures, last_sent_at desc, id limit 1`);
  return row;
}

/** A channel as it is shown; the filter in JSON. */
export type ChannelRow = {
  id: number;
  name: string;
  kind: string;
  language: string;
  filter: string;
  shown: string;
  createdAt: number;
  enabled: number;
  disabledReason: string | null;
  failures: number;
  pausedUntil: number | null;
  lastSentAt: number | null;
  /** Messages that wait. */
  waiting: number;
};
export type SealedChannel = ChannelRow & { sealed: ArrayBuffer | number[] | Uint8Array };

const SHOWN =
  sql.raw(`c.id, c.name, c.kind, c.language, c.filter, c.shown, c.created_at as createdAt, c.enabled,
  c.disabled_reason as disabledReason, c.failures, c.paused_until as pausedUntil, c.last_sent_at as lastSentAt,
  (select count(*) from deliveries d where d.channel_id = c.id and d.state in ('waiting', 'sending')) as waiting`);

/** By id, those after `after`. */
export const listChannels = (db: Db, after: number, limit: number): Promise<ChannelRow[]> =>
  db.all(sql`select ${SHOWN} from channels c where c.id > ${after} order by c.id limit ${limit}`);

export async function channelById(db: Db, id: number): Promise<SealedChannel | undefined> {
  const [row] = await db.all<SealedChannel>(
    sql`select ${SHOWN}, c.sealed from channels c where c.id = ${id}`,
  );
  return row;
}

/** What the next channel may be called: what it is sealed for. */
export async function nextChannelId(db: Db): Promise<number> {
  const [row] = await db.all<{ id: number }>(sql`
    select max(coalesce((select seq from sqlite_sequence where name = 'channels'), 0),
      coalesce((select max(id) from channels), 0)) + 1 as id`);
  return row?.id ?? 1;
}

export const channelNamed = async (db: Db, name: string): Promise<{ id: number } | undefined> =>
  (await db.all<{ id: number }>(sql`select id from channels where name = ${storable(name)}`))[0];

export type NewChannel = {
  id: number;
  name: string;
  kind: string;
  language: string;
  filter: unknown;
  sealed: Uint8Array;
  shown: string;
  now: number;
  tokens: number;
};

type Groups = Parameters<typeof tellAnew>[1];

/** Adds a channel that is told of what is open in these groups; false where its name or id is taken. */
export async function insertChannel(db: Db, channel: NewChannel, groups: Groups): Promise<boolean> {
  const { id, kind, language, filter, sealed, shown, now, tokens } = channel;
  try {
    await db.batch([
      db.run(sql`
        insert into channels (id, name, kind, language, filter, sealed, shown, created_at, enabled, tokens, refilled_at)
        values (${id}, ${storable(channel.name)}, ${kind}, ${language}, ${JSON.stringify(filter)}, ${sealed},
          ${storable(shown)}, ${now}, 1, ${tokens}, 0)`),
      ...tellAnew(id, groups, now).map((query) => db.run(query)),
    ]);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

export type ChannelChange = {
  name: string;
  language: string;
  filter: unknown;
  /** Where the target changed; messages of the old one are no longer referred to. */
  target?: { sealed: Uint8Array; shown: string } | undefined;
};

/** Changes a channel, and what goes with that; false where its new name is taken. */
export async function changeChannel(
  db: Db,
  id: number,
  { name, language, filter, target }: ChannelChange,
  more: readonly SQL[],
): Promise<boolean> {
  try {
    await db.batch([
      db.run(sql`
        update channels set name = ${storable(name)}, language = ${language}, filter = ${JSON.stringify(filter)}
          ${target ? sql`, sealed = ${target.sealed}, shown = ${storable(target.shown)}, failures = 0, paused_until = null` : sql``}
        where id = ${id}`),
      ...(target ? [db.run(sql`update alert_groups set ref = null where channel_id = ${id}`)] : []),
      ...more.map((query) => db.run(query)),
    ]);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

/** Switches a channel on, as if it had never failed. */
export const enable = (id: number): SQL => sql`
  update channels set enabled = 1, disabled_reason = null, failures = 0, paused_until = null where id = ${id}`;

/** Forgets a channel, what was sent by it and what it was told; false where there is none. */
export async function deleteChannel(db: Db, id: number): Promise<boolean> {
  const [deleted] = await db.batch([
    db.all(sql`delete from channels where id = ${id} returning id`),
    db.run(sql`delete from alert_groups where channel_id = ${id}`),
    db.run(sql`delete from deliveries where channel_id = ${id}`),
  ]);
  return deleted.length > 0;
}

/** Notes what became of a trial: one that arrived shows that the channel works. */
export async function noteTrial(
  db: Db,
  { channelId, key, now, alert, status, error, sealed }: Trial,
): Promise<void> {
  await db.batch([
    db.run(sql`
      insert into deliveries (channel_id, key, kind, state, attempt, due_at, created_at, sent_at, status, error, alert)
      select id, ${key}, 'test', ${error === null ? "sent" : "dead"}, 1, ${now}, ${now}, ${error === null ? now : null},
        ${status}, ${error}, ${JSON.stringify(alert)} from channels where id = ${channelId}`),
    db.run(sql`
      update channels set tokens = max(0, tokens - 1)
        ${error === null ? sql`, failures = 0, paused_until = null, last_sent_at = ${now}` : sql``}
        ${sealed ? sql`, sealed = ${sealed}` : sql``}
      where id = ${channelId}`),
    ...(error === null ? [db.run(hasten(channelId, now))] : []),
  ]);
}

export type Trial = {
  channelId: number;
  key: string;
  now: number;
  alert: unknown;
  status: number | null;
  /** Null: it arrived. */
  error: string | null;
  /** Where the channel has moved to. */
  sealed?: Uint8Array | undefined;
};

const isTaken = (error: unknown): boolean => /UNIQUE constraint failed/.test(innermost(error).message);
