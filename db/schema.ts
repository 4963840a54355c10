import { sql } from "drizzle-orm";
import {
  blob,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  unique,
  uniqueIndex,
} from "drizzle-orm/sqlite-core";

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
  },
  // Serves finding a report's boot.
  (t) => [unique("boots_boot_id").on(t.clusterId, t.nodeId, t.bootId)],
);

const window = {
  clusterId: integer("cluster_id").notNull(),
  /** 0 holds the windows as reported, higher tiers buckets folded from them. */
  tier: integer("tier").notNull(),
  /** Ids start at 1; in higher tiers 0 is all nodes together. */
  nodeId: integer("node_id").notNull(),
  start: integer("start").notNull(),
  /** Row of boots; 0 in coarser tiers. In the key because two boots may report the same start. */
  boot: integer("boot").notNull(),
  /** 0 in coarser tiers. In the key because a clock set back repeats a start. */
  sequence: integer("sequence").notNull(),
  end: integer("end").notNull(),
};

/** Gauges of a window. WITHOUT ROWID in the migration: one row written less. */
export const samples = sqliteTable(
  "samples",
  {
    ...window,
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
  },
  (t) => [
    // Serves series by time and the latest window of a node (from its end backwards).
    primaryKey({ columns: [t.clusterId, t.tier, t.nodeId, t.start, t.boot, t.sequence] }),
    // Serves recognising a report that was stored before. Its window is no part of who it is.
    uniqueIndex("samples_identity")
      .on(t.clusterId, t.nodeId, t.boot, t.sequence)
      .where(sql`tier = 0`),
  ],
);

/**
 * What a report lists. With a rowid: without one, SQLite moves all but the first kB of each blob to a page of its own,
 * and the table takes twice the room. Details stand behind the data and in the same row: queries over flows then read
 * no page of them, and they cost no row more to write.
 */
export const segments = sqliteTable(
  "segments",
  {
    ...window,
    /** Flow groups and talkers, encoded by segment.ts; no bytes at all where there are none. */
    data: blob("data", { mode: "buffer" }).notNull(),
    /** Leases, owners, settings and so on, encoded by details.ts. */
    details: blob("details", { mode: "buffer" }),
  },
  // Serves talkers and flows: node by node, each in time.
  (t) => [primaryKey({ columns: [t.clusterId, t.tier, t.nodeId, t.start, t.boot, t.sequence] })],
);
