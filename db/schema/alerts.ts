import { sql } from "drizzle-orm";
import {
  blob,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
  uniqueIndex,
} from "drizzle-orm/sqlite-core";

/** What users set of the rules of a cluster; the highest version is in force, the others tell what was. WITHOUT ROWID. */
export const ruleSettings = sqliteTable(
  "rule_settings",
  {
    clusterId: integer("cluster_id").notNull(),
    version: integer("version").notNull(),
    at: integer("at").notNull(),
    /** Rule → RuleSettings of api/detect/rule.ts, in JSON. */
    settings: text("settings").notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.version] })],
);

/** What is pending, open, or was open a short while ago. WITHOUT ROWID in the migration. */
export const watches = sqliteTable(
  "watches",
  {
    clusterId: integer("cluster_id").notNull(),
    rule: text("rule").notNull(),
    /** Key of the subject. */
    subject: text("subject").notNull(),
    /** 0: no node's. */
    nodeId: integer("node_id").notNull(),
    /** Subject of api/detect/rule.ts, in JSON. */
    about: text("about").notNull(),
    /** Life of api/alerts/life.ts, in JSON. */
    life: text("life").notNull(),
    /** The open anomaly; null while there is none. */
    anomalyId: integer("anomaly_id"),
    /** Nothing is left to remember from then on; null while it is open. */
    forgetAt: integer("forget_at"),
  },
  (t) => [
    primaryKey({ columns: [t.clusterId, t.rule, t.subject] }),
    // Serves judging the windows of a node.
    index("watches_of_node").on(t.clusterId, t.nodeId),
  ],
);

/** A finding with a life. */
export const anomalies = sqliteTable(
  "anomalies",
  {
    /** Never given again: messages, threads and links name it. */
    id: integer("id").primaryKey({ autoIncrement: true }),
    clusterId: integer("cluster_id").notNull(),
    rule: text("rule").notNull(),
    /** "revision.version" of the rule that opened it. */
    ruleVersion: text("rule_version").notNull(),
    subject: text("subject").notNull(),
    nodeId: integer("node_id").notNull(),
    about: text("about").notNull(),
    severity: text("severity", { enum: ["warning", "critical"] }).notNull(),
    /** When it began and ended by the time of the windows. */
    openedAt: integer("opened_at").notNull(),
    resolvedAt: integer("resolved_at"),
    /** The end of the latest window that says something of it. */
    lastAt: integer("last_at").notNull(),
    /** Measured of api/detect/rule.ts as it is now, in JSON. */
    finding: text("finding").notNull(),
    peak: real("peak"),
    /** Why nobody is told now: silence or inhibited. */
    muted: text("muted", { enum: ["silence", "inhibited"] }),
    /** Whether anybody was told: else nobody is told that it resolved. */
    announced: integer("announced", { mode: "boolean" }).notNull(),
    /** No window says anything of it any more. */
    stale: integer("stale", { mode: "boolean" }).notNull().default(false),
    flapping: integer("flapping", { mode: "boolean" }).notNull().default(false),
    acknowledgedAt: integer("acknowledged_at"),
    acknowledgedBy: text("acknowledged_by"),
    note: text("note"),
  },
  (t) => [
    // Makes a second open anomaly of a subject impossible.
    uniqueIndex("anomalies_open")
      .on(t.clusterId, t.rule, t.subject)
      .where(sql`resolved_at is null`),
    // Serves lists, latest first.
    index("anomalies_by_time").on(t.clusterId, t.openedAt),
  ],
);

/** The history of anomalies: one row a transition. The outbox reads it in the order of ids. */
export const anomalyEvents = sqliteTable(
  "anomaly_events",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    clusterId: integer("cluster_id").notNull(),
    rule: text("rule").notNull(),
    anomalyId: integer("anomaly_id").notNull(),
    /** By the time of the windows, and by the clock of the service. */
    at: integer("at").notNull(),
    recordedAt: integer("recorded_at").notNull(),
    /** One of TRANSITIONS of api/alerts/alert.ts. */
    transition: text("transition").notNull(),
    severity: text("severity", { enum: ["warning", "critical"] }).notNull(),
    finding: text("finding"),
    /** Why nobody is told of this; null: channels are. */
    muted: text("muted", { enum: ["silence", "inhibited"] }),
    /** Who did it, and what they said. */
    by: text("by"),
    note: text("note"),
  },
  (t) => [
    index("anomaly_events_of").on(t.anomalyId),
    // Serves what a group is still to be told.
    index("anomaly_events_of_rule").on(t.clusterId, t.rule, t.id),
  ],
);

/** Nobody is told of what matches, for a time. */
export const silences = sqliteTable(
  "silences",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    /** Null: every cluster. */
    clusterId: integer("cluster_id"),
    /** Matcher of api/alerts/silence.ts, in JSON. */
    matcher: text("matcher").notNull(),
    startsAt: integer("starts_at").notNull(),
    endsAt: integer("ends_at").notNull(),
    author: text("author").notNull(),
    reason: text("reason").notNull(),
    createdAt: integer("created_at").notNull(),
    /** When what it had muted was told of, after its end. */
    settledAt: integer("settled_at"),
  },
  (t) => [index("silences_by_end").on(t.endsAt)],
);

/** Where alerts go. */
export const channels = sqliteTable("channels", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull().unique(),
  kind: text("kind").notNull(),
  language: text("language").notNull(),
  /** ChannelFilter of api/alerts/filter.ts, in JSON. */
  filter: text("filter").notNull(),
  /** Target of api/alerts/provider.ts, encrypted. */
  sealed: blob("sealed", { mode: "buffer" }).notNull(),
  /** What may be shown of the address: its host, and its last characters. */
  shown: text("shown").notNull(),
  createdAt: integer("created_at").notNull(),
  enabled: integer("enabled", { mode: "boolean" }).notNull(),
  /** Why it was switched off by the service. */
  disabledReason: text("disabled_reason"),
  /** Messages it may send now, as of then: the budget of an hour. */
  tokens: real("tokens").notNull(),
  refilledAt: integer("refilled_at").notNull(),
  /** When it has caught up with the messages a minute its provider takes. */
  spacedAt: integer("spaced_at").notNull().default(0),
  /** Failures in a row, and until when nothing is tried. */
  failures: integer("failures").notNull().default(0),
  pausedUntil: integer("paused_until"),
  lastSentAt: integer("last_sent_at"),
});

/** What a channel was told of a rule in a cluster. WITHOUT ROWID in the migration. */
export const alertGroups = sqliteTable(
  "alert_groups",
  {
    channelId: integer("channel_id").notNull(),
    clusterId: integer("cluster_id").notNull(),
    rule: text("rule").notNull(),
    /** Events up to this one were told, or need not be. */
    told: integer("told").notNull(),
    /** Of warnings, those up to this one: the others were not for the channel then. */
    warned: integer("warned").notNull().default(0),
    /** When the rest is to be told; null: there is none. */
    dueAt: integer("due_at"),
    /** When the last message of this group was sent, and the one before. */
    sentAt: integer("sent_at"),
    sentBefore: integer("sent_before"),
    /** When it is to be told again that it goes on; null: nothing is open. */
    repeatAt: integer("repeat_at"),
    episode: integer("episode").notNull(),
    /** Of the message of the episode, from the provider. */
    ref: text("ref"),
    /** How severe the last message was where it told of the fleet as a whole; null: it told of its subjects. */
    fleet: text("fleet", { enum: ["warning", "critical"] }),
  },
  (t) => [
    primaryKey({ columns: [t.channelId, t.clusterId, t.rule] }),
    index("alert_groups_due").on(t.dueAt),
    index("alert_groups_repeat").on(t.repeatAt),
  ],
);

/** A message on its way to a channel, or what became of it. */
export const deliveries = sqliteTable(
  "deliveries",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    channelId: integer("channel_id").notNull(),
    /** Of the message, the same at each try. */
    key: text("key").notNull(),
    /** Of a group; null of words of the service and of trials. */
    clusterId: integer("cluster_id"),
    rule: text("rule"),
    kind: text("kind", { enum: ["firing", "resolved", "notice", "test"] }).notNull(),
    /** The events it tells of: those above the first, up to the second. */
    fromEvent: integer("from_event"),
    toEvent: integer("to_event"),
    state: text("state", { enum: ["waiting", "sending", "sent", "dead"] }).notNull(),
    attempt: integer("attempt").notNull(),
    dueAt: integer("due_at").notNull(),
    /** Who sends it now, until when. */
    holder: text("holder"),
    leaseUntil: integer("lease_until"),
    createdAt: integer("created_at").notNull(),
    sentAt: integer("sent_at"),
    /** Status of the last answer, and why it was not taken. */
    status: integer("status"),
    error: text("error"),
    /** Alert of api/alerts/alert.ts as it was (or is to be) sent, in JSON. */
    alert: text("alert").notNull(),
  },
  (t) => [
    uniqueIndex("deliveries_key").on(t.key),
    index("deliveries_due").on(t.state, t.dueAt),
    index("deliveries_of_channel").on(t.channelId, t.id),
    // At most one message of a group is on its way.
    uniqueIndex("deliveries_under_way")
      .on(t.channelId, t.clusterId, t.rule)
      .where(sql`state in ('waiting', 'sending') and rule is not null`),
  ],
);
