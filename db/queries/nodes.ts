import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";

/** A window is overdue by so much before its node counts as late: time to dump, compress, send and try again once or twice. */
export const LATE_AFTER_MS = 60_000;
/** And by so much before it counts as silent: no retry of a healthy agent takes as long. */
export const SILENT_AFTER_MS = 600_000;

/**
 * live: the windows come as they end. late: none came for LATE_AFTER_MS beyond the length of the last one, or its
 * clock is behind by as much. silent: none came for SILENT_AFTER_MS. retired: gone on purpose.
 */
export type NodeState = "live" | "late" | "silent" | "retired";

/** A node as its latest window describes it. Null where nobody knows. Times in epoch ms. */
export type Node = {
  name: string;
  state: NodeState;
  addresses: string[];
  bootId: string | null;
  /** When the first report of this boot came. */
  bootSeenAt: number | null;
  /** How many boots reported under this name. */
  boots: number;
  agent: string;
  kernel: string;
  kubeProxy: string | null;
  cores: number | null;
  memoryBytes: number | null;
  /** What the source could not see, in words. */
  blind: string[];
  source: string | null;
  events: "off" | "complete" | "lossy" | null;
  interrupted: boolean | null;
  unreadableLines: number | null;
  /** Times the kernel lost events. */
  overruns: number | null;
  /** How flows that began and ended were counted. */
  opened: "events" | "dumps" | null;
  untracked: number | null;
  older: number | null;
  forgotten: number | null;
  firstSeenAt: number;
  /** When the service received the report of the latest window; once its windows are deleted, the end of its last hour. */
  lastSeenAt: number | null;
  retiredAt: number | null;
  /** How long ago the latest window ended by its own clock, in ms: below 0 where that runs ahead. */
  lagMs: number | null;
  /** The latest window. */
  windowFrom: number | null;
  windowTo: number | null;
  count: number | null;
  max: number | null;
  buckets: number | null;
  entries: number | null;
  unreplied: number | null;
  /** count / max, 0..1 (more where the limit was lowered). */
  utilisation: number | null;
};

export type Boot = { bootId: string; firstSeenAt: number | null };

type Row = Omit<Node, "addresses" | "blind" | "interrupted"> & {
  addresses: string;
  blind: string;
  interrupted: number | null;
};

/** Nodes of a cluster by name, those after `after`, at most `limit`; retired ones only where asked for. */
export async function nodesIn(
  db: Db,
  clusterId: number,
  page: { after?: string | undefined; limit: number; now: number; retired?: boolean | undefined },
): Promise<Node[]> {
  const rows = await db.all<Row>(sql`
    select * from (${described(clusterId, sql`n.name > ${storable(page.after ?? "")}`, page.now)})
    ${page.retired ? sql`` : sql`where state <> 'retired'`}
    order by name
    limit ${page.limit}`);
  return rows.map(toNode);
}

/** One node, retired or not, and its boots, the first to report first; undefined where there is none of that name. */
export async function nodeNamed(
  db: Db,
  clusterId: number,
  name: string,
  now: number,
): Promise<(Node & { bootHistory: Boot[] }) | undefined> {
  const named = sql`n.name = ${storable(name)}`;
  const [rows, bootHistory] = await db.batch([
    db.all<Row>(described(clusterId, named, now)),
    db.all<Boot>(sql`
      select b.boot_id as bootId, b.first_seen_at as firstSeenAt
      from nodes n cross join boots b on b.cluster_id = n.cluster_id and b.node_id = n.id
      where n.cluster_id = ${clusterId} and ${named}
      order by b.id`),
  ]);
  return rows[0] && { ...toNode(rows[0]), bootHistory };
}

/** As many as a complaint has room for. */
const SOME = 20;

/** Which of these no node of the cluster was ever called, and what some are called. */
export async function namesUnknown(
  db: Db,
  clusterId: number,
  names: readonly string[],
): Promise<{ unknown: string[]; some: string[] }> {
  const [missing, some] = await db.batch([
    db.all<{ name: string }>(sql`
      select value as name from json_each(${JSON.stringify(names)})
      where value not in (select name from nodes where cluster_id = ${clusterId})`),
    db.all<{ name: string }>(sql`
      select name from nodes where cluster_id = ${clusterId} order by name limit ${SOME}`),
  ]);
  return { unknown: missing.map(({ name }) => name), some: some.map(({ name }) => name) };
}

/** The node is gone on purpose, until a window comes that begins at `at` or later, or any after SILENT_AFTER_MS; false where there is no such node. */
export async function retireNode(db: Db, clusterId: number, name: string, at: number): Promise<boolean> {
  const retired = await db.all(sql`
    update nodes set retired_at = ${at} where cluster_id = ${clusterId} and name = ${storable(name)} returning 1`);
  return retired.length > 0;
}

/** Joins the latest window of each node `n` as `s`: one seek a node. */
export const WITH_LATEST_WINDOW = sql.raw(`
    left join samples s on s.cluster_id = n.cluster_id and s.tier = 0 and s.node_id = n.id
      and (s.start, s.boot, s.sequence) = (
        select start, boot, sequence from samples
        where cluster_id = n.cluster_id and tier = 0 and node_id = n.id
        order by start desc, boot desc, sequence desc limit 1)`);

const LAST_SEEN_TEXT = `coalesce(s.received_at, s.end, (
        select end from samples
        where cluster_id = n.cluster_id and tier = 3 and node_id = n.id
        order by start desc limit 1))`;
/** When the last report of `n` came, with its latest window at hand; see Node. */
export const LAST_SEEN = sql.raw(LAST_SEEN_TEXT);

/**
 * Whether `n` is gone on purpose. What it still had to send is sent SILENT_AFTER_MS later: a node that reports then is there, and its
 * clock is behind.
 */
export const RETIRED = sql.raw(`(n.retired_at > coalesce(s.start, ${LAST_SEEN_TEXT}, 0)
        and coalesce(s.received_at, 0) < n.retired_at + ${SILENT_AFTER_MS})`);

/** NodeState of `n`, with its latest window at hand. */
export const stateAt = (now: number): SQL => sql`case
        when ${RETIRED} then 'retired'
        when ${LAST_SEEN} is null or ${now} - ${LAST_SEEN} > ${SILENT_AFTER_MS} + coalesce(s.end - s.start, 0) then 'silent'
        when ${now} - min(${LAST_SEEN}, s.end) > ${LATE_AFTER_MS} + s.end - s.start then 'late'
        else 'live' end`;

export const UTILISATION = sql.raw("coalesce(s.count, s.entries) * 1.0 / nullif(s.max, 0)");

function described(clusterId: number, which: SQL, now: number): SQL {
  return sql`
    select n.name, ${stateAt(now)} as state, n.addresses, b.boot_id as bootId, b.first_seen_at as bootSeenAt,
      (select count(*) from boots where cluster_id = n.cluster_id and node_id = n.id) as boots,
      n.agent, n.kernel, h.content ->> 'kubeProxy' as kubeProxy, h.content ->> 'cores' as cores,
      h.content ->> 'memoryBytes' as memoryBytes, n.blind, s.source, s.events, s.interrupted,
      s.unreadable_lines as unreadableLines, s.overruns, s.opened_by as opened, s.untracked, s.older, s.forgotten,
      n.first_seen_at as firstSeenAt, ${LAST_SEEN} as lastSeenAt, n.retired_at as retiredAt, ${now} - s.end as lagMs,
      s.start as windowFrom, s.end as windowTo, s.count, s.max, s.buckets, s.entries, s.unreplied,
      ${UTILISATION} as utilisation
    from nodes n ${WITH_LATEST_WINDOW}
    left join boots b on b.id = s.boot
    left join settings h on h.id = (
      select settings_id from node_settings
      where cluster_id = n.cluster_id and node_id = n.id
      order by at desc limit 1)
    where n.cluster_id = ${clusterId} and ${which}`;
}

const toNode = (row: Row): Node => ({
  ...row,
  addresses: JSON.parse(row.addresses) as string[],
  blind: JSON.parse(row.blind) as string[],
  interrupted: row.interrupted === null ? null : row.interrupted === 1,
});
