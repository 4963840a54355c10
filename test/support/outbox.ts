import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as z from "zod";
import type { Alert } from "../../api/alerts/alert.ts";
import { dispatch, type DispatchBudget, type Dispatched } from "../../api/alerts/dispatch.ts";
import { sealTarget } from "../../api/alerts/dispatch/hand-over.ts";
import { channelsFor } from "../../api/alerts/listeners.ts";
import type { Answer, ChannelKind, Outcome, Provider } from "../../api/alerts/provider.ts";
import { type Sealer, sealer } from "../../api/alerts/sealed.ts";
import type { Send } from "../../api/alerts/send.ts";
import type { LogEvent } from "../../api/router.ts";
import type { Db } from "../../db/client.ts";
import { insertAnomalies, insertEvents, nextAnomalyId, updateAnomalies } from "../../db/queries/anomalies.ts";
import { insertCluster } from "../../db/queries/clusters.ts";
import { dueMarks } from "../../db/queries/outbox.ts";
import { NOW } from "./a-report.ts";

/** A message as it came to the chat. */
export type Came = { channel: string; at: number; id: string; ref?: string | undefined; alert: Alert };

/** What becomes of an anomaly. `node` 0: of none. */
export type Change = {
  subject: string;
  /** opened where it is left out. */
  to?: "opened" | "worsened" | "eased" | "resolved" | "unmuted";
  severity?: "warning" | "critical";
  node?: number;
  muted?: "silence" | "inhibited";
  /** The rule that inhibits it. */
  by?: string;
  rule?: string;
  value?: number;
};

/** A chat that shows what it was sent, and can be told how to answer: with an outcome, or by throwing. */
export class Chat {
  readonly came: Came[] = [];
  answer: (came: Came, nth: number) => Outcome | Promise<Outcome> = () => ({ result: "sent" });
  tries = 0;

  readonly send: Send = async (outgoing) => {
    const came = JSON.parse(outgoing.body) as Came;
    const outcome = await this.answer(came, (this.tries += 1));
    if (outcome.result === "sent") this.came.push(came);
    return { status: outcome.result === "sent" ? 200 : 500, headers: {}, body: JSON.stringify(outcome) };
  };
}

/** One of each kind asked for, with the message in plain JSON. */
export const plainProvider = (kind: ChannelKind, more: Partial<Provider> = {}): Provider => ({
  kind,
  hosts: [],
  target: z.object({ url: z.string() }),
  perMinute: Number.POSITIVE_INFINITY,
  render: (alert, { target, now, deliveryId, ref }) => ({
    url: target.url,
    headers: {},
    body: JSON.stringify({ channel: target.url, at: now, id: deliveryId, ref, alert }),
  }),
  judge: (answer: Answer) => JSON.parse(answer.body) as Outcome,
  ...more,
});

export type Outbox = {
  db: Db;
  chat: Chat;
  clock: { now: number };
  log: LogEvent[];
  clusterId: number;
  sealer: Sealer;
  /** Its id. */
  channel(name: string, more?: { kind?: ChannelKind; filter?: object; language?: string }): Promise<number>;
  /** What one pass of judging writes. */
  judge(changes: readonly Change[], at?: number): Promise<void>;
  dispatch(differing?: {
    on?: Db;
    send?: Send;
    budget?: DispatchBudget;
    now?: () => number;
  }): Promise<Dispatched>;
  /** Messages as words: kind, counts, subjects. */
  told(): string[];
};

const KEY = Uint8Array.from({ length: 32 }, (_, at) => at);

export async function anOutbox(
  providers: Partial<Record<ChannelKind, Partial<Provider>>> = {},
): Promise<Outbox> {
  const db = await freshDb();
  const cluster = await insertCluster(db, { name: "prod", createdAt: NOW });
  const clusterId = cluster?.id ?? 0;
  const chat = new Chat();
  const clock = { now: NOW };
  const log: LogEvent[] = [];
  const seal = await sealer(KEY);
  let channels = 0;
  return {
    db,
    chat,
    clock,
    log,
    clusterId,
    sealer: seal,
    channel: async (name, { kind = "slack", filter = {}, language = "en" } = {}) => {
      channels += 1;
      const sealed = await sealTarget(seal, channels, { url: name });
      await db.run(sql`
        insert into channels (id, name, kind, language, filter, sealed, shown, created_at, enabled, tokens, refilled_at)
        values (${channels}, ${name}, ${kind}, ${language}, ${JSON.stringify(filter)}, ${sealed}, '', ${clock.now}, 1, 60, 0)`);
      return channels;
    },
    judge: (changes, at = clock.now) => judgeIn(db, clusterId, changes, at),
    dispatch: ({ on = db, send = chat.send, budget = { ms: 60_000 }, now = () => clock.now } = {}) =>
      dispatch(
        {
          db: on,
          now,
          log: (event) => void log.push(event),
          send,
          sealer: seal,
          publicUrl: "https://conntrail.example",
          random: () => 1 - Number.EPSILON,
          providerOf: (kind) => plainProvider(kind, providers[kind]),
        },
        budget,
      ),
    told: () => chat.came.map(({ alert }) => inWords(alert)),
  };
}

const inWords = ({ kind, repeat, fleet, counts, anomalies }: Alert): string =>
  [
    repeat ? "again" : kind,
    ...(fleet ? [`fleet ${fleet.affected}/${fleet.nodes}`] : []),
    `+${counts.opened} -${counts.resolved} =${counts.open}`,
    anomalies.map(({ subject, state }) => (state === "open" ? subject.key : `(${subject.key})`)).join(" "),
  ].join(" ");

/** Writes these changes as a pass of judging does. */
export async function judgeIn(
  db: Db,
  clusterId: number,
  changes: readonly Change[],
  now: number,
): Promise<void> {
  const open = await db.all<{ id: number; subject: string; rule: string }>(
    sql`select id, subject, rule from anomalies where resolved_at is null`,
  );
  let next = await nextAnomalyId(db);
  const guard = sql`true`;
  const all = changes.map(
    ({ to: transition = "opened", severity = "warning", rule = "flood", ...change }) => {
      const known = open.find((one) => one.subject === change.subject && one.rule === rule);
      const id = transition === "opened" ? (next += 1) - 1 : known?.id;
      if (id === undefined) throw new Error(`${change.subject} is not open`);
      const finding = { value: change.value ?? 2, limit: 1 };
      return { ...change, id, transition, severity, rule, finding, muted: change.muted ?? null };
    },
  );
  const anomalies = all
    .filter(({ transition }) => transition === "opened")
    .map(({ id, rule, subject, node = 1, severity, finding, muted }) => ({
      id,
      clusterId,
      rule,
      ruleVersion: "1.0",
      subject,
      nodeId: node,
      about: { kind: "node", key: subject },
      severity,
      openedAt: now,
      lastAt: now,
      finding,
      peak: null,
      resolvedAt: null,
      flapping: false,
      muted,
    }));
  const updates = all
    .filter(({ transition }) => transition !== "opened")
    .map(({ id, transition, severity, muted }) => ({
      id,
      severity,
      muted: muted ?? ("none" as const),
      ...(transition === "resolved" && { resolvedAt: now }),
    }));
  const events = all.map(({ id, rule, transition, severity, muted, by }) => ({
    by,
    anomalyId: id,
    clusterId,
    rule,
    at: now,
    recordedAt: now,
    transition,
    severity,
    muted,
  }));
  const marks = dueMarks(events, await channelsFor(db), now, guard);
  await db.batch([
    db.run(insertAnomalies(anomalies, guard)),
    db.run(updateAnomalies(updates, guard)),
    ...marks.map((mark) => db.run(mark)),
    db.run(insertEvents(events, guard)),
  ]);
}
