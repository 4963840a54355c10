import { index, integer, primaryKey, sqliteTable, text, unique, uniqueIndex } from "drizzle-orm/sqlite-core";

/** Who held an address when, as the agents said. */
export const owners = sqliteTable(
  "owners",
  {
    id: integer("id").primaryKey(),
    clusterId: integer("cluster_id").notNull(),
    /** The node that said so; 0 of services, which all nodes say alike. */
    nodeId: integer("node_id").notNull(),
    /** In canonical form. */
    address: text("address").notNull(),
    kind: text("kind").notNull(),
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    uid: text("uid").notNull(),
    workloadKind: text("workload_kind").notNull(),
    workload: text("workload").notNull(),
    /** kubernetes, docker or file. */
    source: text("source").notNull(),
    /** Held in [since, until); since 0: before anybody looked; until null: still. */
    since: integer("since").notNull(),
    until: integer("until"),
    /** Start of the window that said it last, which wins over what an older one says. */
    saidAt: integer("said_at").notNull(),
    /** True where no report says when it ended, but a later list of all that hold an address lacks it. */
    absent: integer("absent", { mode: "boolean" }).notNull(),
  },
  (t) => [
    // Serves a statement's row, and who held an address.
    uniqueIndex("owners_holding").on(
      t.clusterId,
      t.address,
      t.nodeId,
      t.uid,
      t.name,
      t.namespace,
      t.kind,
      t.since,
    ),
    // Serves the holders of one node, first those that hold still.
    index("owners_of_node").on(t.clusterId, t.nodeId, t.until),
    // Serves finding a Pod.
    index("owners_by_name").on(t.clusterId, t.namespace, t.name),
  ],
);

/**
 * Where to look for an address: nodes that had it, or put it in place of others', as far as windows that are kept say. Hours and not
 * windows, so that a report that says nothing new writes no row; what was in an hour, windows tell. WITHOUT ROWID in the migration.
 */
export const nodeAddresses = sqliteTable(
  "node_addresses",
  {
    clusterId: integer("cluster_id").notNull(),
    /** In canonical form. */
    address: text("address").notNull(),
    nodeId: integer("node_id").notNull(),
    /** The node listed it as its own. */
    own: integer("own", { mode: "boolean" }).notNull(),
    /** Some lease of the node was of it. */
    nat: integer("nat", { mode: "boolean" }).notNull(),
    /** Begin of the first hour and end of the last one of a window that says so. */
    since: integer("since").notNull(),
    until: integer("until").notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.address, t.nodeId] })],
);

/**
 * Windows whose report listed all owners (`owners`), or all settings (`settings`), or neither: in those the agent heard of no changes
 * of owners. Kept as long as late reports are taken, which need to know what was listed next. WITHOUT ROWID in the migration.
 */
export const listings = sqliteTable(
  "listings",
  {
    clusterId: integer("cluster_id").notNull(),
    nodeId: integer("node_id").notNull(),
    at: integer("at").notNull(),
    owners: integer("owners", { mode: "boolean" }).notNull(),
    settings: integer("settings", { mode: "boolean" }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.nodeId, t.at] })],
);

/** What a node is set to, once a distinct content. */
export const settings = sqliteTable(
  "settings",
  {
    id: integer("id").primaryKey(),
    clusterId: integer("cluster_id").notNull(),
    hash: text("hash").notNull(),
    /** Host of api/wire/host.ts, with its keys in order and without `unread`. */
    content: text("content").notNull(),
  },
  (t) => [unique("settings_hash").on(t.clusterId, t.hash)],
);

/** From when on a node was set so: a row at each window whose settings are not those of the window before. WITHOUT ROWID. */
export const nodeSettings = sqliteTable(
  "node_settings",
  {
    clusterId: integer("cluster_id").notNull(),
    nodeId: integer("node_id").notNull(),
    at: integer("at").notNull(),
    settingsId: integer("settings_id").notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.nodeId, t.at] })],
);
