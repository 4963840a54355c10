import {
  blob,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
  unique,
  uniqueIndex,
} from "drizzle-orm/sqlite-core";

export {
  alertGroups,
  anomalies,
  anomalyEvents,
  channels,
  deliveries,
  ruleSettings,
  silences,
  watches,
} from "./schema/alerts.ts";
export { listings, nodeAddresses, nodeSettings, owners, settings } from "./schema/facts.ts";

// Times are epoch milliseconds. A null gauge is one nobody knows; 0 is a measured nothing.

export const clusters = sqliteTable("clusters", {
  /** Never given again: a report under way while its cluster is deleted must not reach another. */
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull().unique(),
  createdAt: integer("created_at").notNull(),
});

/** WITHOUT ROWID in the migration: the read of every request is then one seek. */
export const tokens = sqliteTable("tokens", {
  id: text("id").primaryKey(),
  /** Null: every cluster. */
  clusterId: integer("cluster_id"),
  scope: text("scope", { enum: ["ingest", "read", "admin"] }).notNull(),
  label: text("label"),
  hash: text("hash").notNull(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at"),
  lastUsedAt: integer("last_used_at"),
});

/** What changes rarely. When a node was last seen, its boot and its source stand in its latest sample. */
export const nodes = sqliteTable(
  "nodes",
  {
    id: integer("id").primaryKey(),
    clusterId: integer("cluster_id").notNull(),
    name: text("name").notNull(),
    agent: text("agent").notNull(),
    kernel: text("kernel").notNull(),
    addresses: text("addresses", { mode: "json" }).$type<string[]>().notNull(),
    blind: text("blind", { mode: "json" }).$type<string[]>().notNull(),
    firstSeenAt: integer("first_seen_at").notNull(),
    /** Start of the window these words come from: a late report does not overwrite a newer one. */
    describedAt: integer("described_at").notNull(),
    /** Until a later window comes, the node is gone on purpose. */
    retiredAt: integer("retired_at"),
  },
  (t) => [
    // Serves the node list (pages by name) and finding a report's node.
    unique("nodes_name").on(t.clusterId, t.name),
    // Serves reading segments node by node in the order of the segments' key.
    index("nodes_in_cluster").on(t.clusterId),
  ],
);

/** One row a boot of a node, so that a sample names its boot id in a few bytes. */
export const boots = sqliteTable(
  "boots",
  {
    id: integer("id").primaryKey(),
    clusterId: integer("cluster_id").notNull(),
    nodeId: integer("node_id").notNull(),
    bootId: text("boot_id").notNull(),
    /** When the first report of this boot came; null of boots older than this column. */
    firstSeenAt: integer("first_seen_at"),
  },
  // Serves finding a report's boot.
  (t) => [unique("boots_boot_id").on(t.clusterId, t.nodeId, t.bootId)],
);

/** Gauges of a window or of a bucket. WITHOUT ROWID in the migration: one row written less. */
export const samples = sqliteTable(
  "samples",
  {
    clusterId: integer("cluster_id").notNull(),
    /** See tiers.ts: 0 holds the windows as reported, higher tiers what was folded from them. */
    tier: integer("tier").notNull(),
    /** Ids start at 1; in higher tiers 0 is the cluster, all nodes together. */
    nodeId: integer("node_id").notNull(),
    start: integer("start").notNull(),
    /** Row of boots; 0 in higher tiers. In the key because two boots may report the same start. */
    boot: integer("boot").notNull(),
    /** In the key because a clock set back repeats a start. In higher tiers an aggregate: see AGGREGATES of tiers.ts. */
    sequence: integer("sequence").notNull(),
    end: integer("end").notNull(),
    receivedAt: integer("received_at"),
    source: text("source"),
    /** off, complete or lossy. */
    events: text("events"),
    interrupted: integer("interrupted"),
    unreadableLines: integer("unreadable_lines"),
    unreadableSamples: text("unreadable_samples", { mode: "json" }).$type<string[]>(),
    count: integer("count"),
    max: integer("max"),
    buckets: integer("buckets"),
    takenAt: integer("taken_at"),
    dumpMs: integer("dump_ms"),
    entries: integer("entries"),
    ipv4: integer("ipv4"),
    ipv6: integer("ipv6"),
    tcp: integer("tcp"),
    udp: integer("udp"),
    icmp: integer("icmp"),
    icmpv6: integer("icmpv6"),
    sctp: integer("sctp"),
    otherProtocols: integer("other_protocols"),
    tcpNone: integer("tcp_none"),
    tcpSynSent: integer("tcp_syn_sent"),
    tcpSynRecv: integer("tcp_syn_recv"),
    tcpEstablished: integer("tcp_established"),
    tcpFinWait: integer("tcp_fin_wait"),
    tcpCloseWait: integer("tcp_close_wait"),
    tcpLastAck: integer("tcp_last_ack"),
    tcpTimeWait: integer("tcp_time_wait"),
    tcpClose: integer("tcp_close"),
    tcpSynSent2: integer("tcp_syn_sent2"),
    natNone: integer("nat_none"),
    natSnat: integer("nat_snat"),
    natDnat: integer("nat_dnat"),
    natBoth: integer("nat_both"),
    unreplied: integer("unreplied"),
    assured: integer("assured"),
    offloaded: integer("offloaded"),
    zones: text("zones", { mode: "json" }).$type<number[]>(),
    /** Flows that began and ended in the window, and how they were counted: events or dumps. */
    opened: integer("opened"),
    closed: integer("closed"),
    openedBy: text("opened_by"),
    /** Times the kernel lost events. */
    overruns: integer("overruns"),
    /** Entries of sources and groups that were not told apart. */
    untracked: integer("untracked"),
    /** Live entries whose end the kernel will not report. */
    older: integer("older"),
    forgotten: integer("forgotten"),
    /** Per-CPU statistics of the kernel, summed, as they grew since the report before. */
    statFound: integer("stat_found"),
    statInvalid: integer("stat_invalid"),
    statInsertFailed: integer("stat_insert_failed"),
    statDrop: integer("stat_drop"),
    statEarlyDrop: integer("stat_early_drop"),
    statError: integer("stat_error"),
    statSearchRestart: integer("stat_search_restart"),
    statClashResolve: integer("stat_clash_resolve"),
    statChainTooLong: integer("stat_chain_too_long"),
    /** Lines of the kernel log that say the host's table was full. */
    tableFull: integer("table_full"),
    /** What the agent took: CPU time in the window, and memory at its end. */
    agentCpuMs: integer("agent_cpu_ms"),
    agentRss: integer("agent_rss"),
    /** Of a bucket, null of a window: how many windows (of a cluster: minutes) were folded, and the time they cover in ms. */
    windows: integer("windows"),
    coveredMs: integer("covered_ms"),
    /** The highest count / max of any window in it, of any node. */
    utilisation: real("utilisation"),
    /** Of a bucket of a cluster: the most nodes that reported in any minute of it. */
    nodes: integer("nodes"),
  },
  // Serves series by time and the latest window of a node (from its end backwards).
  (t) => [primaryKey({ columns: [t.clusterId, t.tier, t.nodeId, t.start, t.boot, t.sequence] })],
);

/**
 * What a report lists; each report has a row. With a rowid: without one, SQLite moves all but the first kB of each blob to
 * a page of its own, and the table takes twice the room. Details stand behind the data and in the same row: queries over
 * flows then read no page of them, and they cost no row more to write.
 */
export const segments = sqliteTable(
  "segments",
  {
    /** Grows with each commit: what came since the last look is what is above. */
    id: integer("id").primaryKey(),
    clusterId: integer("cluster_id").notNull(),
    nodeId: integer("node_id").notNull(),
    boot: integer("boot").notNull(),
    sequence: integer("sequence").notNull(),
    start: integer("start").notNull(),
    end: integer("end").notNull(),
    /** Flow groups and talkers, encoded by segment.ts; no bytes at all where there are none. */
    data: blob("data", { mode: "buffer" }).notNull(),
    /** Leases, owners, settings and so on, encoded by details.ts. */
    details: blob("details", { mode: "buffer" }),
  },
  // Serves recognising a report that was stored before (its window is no part of who it is), and the segment of a sample.
  (t) => [uniqueIndex("segments_identity").on(t.clusterId, t.nodeId, t.boot, t.sequence)],
);

/** Talkers and flow groups of a bucket, encoded by bucket.ts. */
export const buckets = sqliteTable(
  "buckets",
  {
    clusterId: integer("cluster_id").notNull(),
    tier: integer("tier").notNull(),
    /** 0: the cluster. */
    nodeId: integer("node_id").notNull(),
    start: integer("start").notNull(),
    data: blob("data", { mode: "buffer" }).notNull(),
  },
  // Serves a node or a cluster in time.
  (t) => [primaryKey({ columns: [t.clusterId, t.tier, t.nodeId, t.start] })],
);

/** Buckets that are to be folded anew from the finer tier. WITHOUT ROWID in the migration. */
export const dirty = sqliteTable(
  "dirty",
  {
    clusterId: integer("cluster_id").notNull(),
    tier: integer("tier").notNull(),
    nodeId: integer("node_id").notNull(),
    start: integer("start").notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.tier, t.nodeId, t.start] })],
);

/** One row: who folds and judges now, until when, the last rows of segments that were looked at, and what is still whole. */
export const upkeep = sqliteTable("upkeep", {
  id: integer("id").primaryKey(),
  /** Names one tick; in each statement it writes by, so that one whose lease ran out writes nothing. */
  holder: text("holder"),
  expiresAt: integer("expires_at").notNull(),
  seen: integer("seen").notNull(),
  /** Of windows, minutes, ten minutes and hours, nothing that began at or after this was forgotten: a bucket of what is older is not folded anew. */
  windowsFrom: integer("windows_from").notNull().default(0),
  minutesFrom: integer("minutes_from").notNull().default(0),
  tenMinutesFrom: integer("ten_minutes_from").notNull().default(0),
  hoursFrom: integer("hours_from").notNull().default(0),
  /** True from when something may be forgotten until all of it is. */
  forgetting: integer("forgetting", { mode: "boolean" }).notNull().default(false),
  /** The last row of segments that was judged. */
  judged: integer("judged").notNull().default(0),
  /** When clusters were judged last, and since when without a gap. */
  watchedAt: integer("watched_at").notNull().default(0),
  watchedSince: integer("watched_since").notNull().default(0),
});
