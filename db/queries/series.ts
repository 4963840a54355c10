import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";
import { MAX_WINDOW_MS } from "./reports.ts";
import type { WindowRange } from "./windows.ts";

/** Where each gauge stands in samples. */
const GAUGES = {
  entries: "s.entries",
  count: "s.count",
  limit: "s.max",
  buckets: "s.buckets",
  unreplied: "s.unreplied",
  assured: "s.assured",
  offloaded: "s.offloaded",
  ipv4: "s.ipv4",
  ipv6: "s.ipv6",
  tcp: "s.tcp",
  udp: "s.udp",
  icmp: "s.icmp",
  icmpv6: "s.icmpv6",
  sctp: "s.sctp",
  otherProtocols: "s.other_protocols",
  tcpNone: "s.tcp_none",
  tcpSynSent: "s.tcp_syn_sent",
  tcpSynRecv: "s.tcp_syn_recv",
  tcpEstablished: "s.tcp_established",
  tcpFinWait: "s.tcp_fin_wait",
  tcpCloseWait: "s.tcp_close_wait",
  tcpLastAck: "s.tcp_last_ack",
  tcpTimeWait: "s.tcp_time_wait",
  tcpClose: "s.tcp_close",
  tcpSynSent2: "s.tcp_syn_sent2",
  natNone: "s.nat_none",
  natSnat: "s.nat_snat",
  natDnat: "s.nat_dnat",
  natBoth: "s.nat_both",
  unreadableLines: "s.unreadable_lines",
  untracked: "s.untracked",
  older: "s.older",
  forgotten: "s.forgotten",
  agentRss: "s.agent_rss",
} as const;
type Gauge = keyof typeof GAUGES;

/** Where each count of what happened in a window stands in samples. */
const COUNTS = {
  opened: "s.opened",
  closed: "s.closed",
  overruns: "s.overruns",
  found: "s.stat_found",
  invalid: "s.stat_invalid",
  insertFailed: "s.stat_insert_failed",
  drop: "s.stat_drop",
  earlyDrop: "s.stat_early_drop",
  error: "s.stat_error",
  searchRestart: "s.stat_search_restart",
  clashResolve: "s.stat_clash_resolve",
  chainTooLong: "s.stat_chain_too_long",
  tableFull: "s.table_full",
  agentCpuMs: "s.agent_cpu_ms",
} as const;
type Count = keyof typeof COUNTS;

export type SeriesMetric = Gauge | Count | "utilisation";
export const SERIES_COUNTS = Object.keys(COUNTS) as Count[];
export const SERIES_METRICS = [
  ...(Object.keys(GAUGES) as Gauge[]),
  ...SERIES_COUNTS,
  "utilisation",
] as const satisfies SeriesMetric[];

export type SeriesQuery = WindowRange & {
  metric: SeriesMetric;
  /** A series a node, or (default without `node`) one for the cluster. */
  by?: "cluster" | "node" | undefined;
  stepMs: number;
};

/** `points` are [start of the step in epoch ms, value]; a step without a value has no point. */
export type Series = { node: string | null; points: [number, number][] };

type Row = { node: string | null; step: number; value: number };

/**
 * How a metric went. Steps are multiples of `stepMs`. A node's gauge is the highest of the windows that reach into the
 * step, so that a peak is seen at any zoom; a count is the sum of the windows that begin in it, so that steps add up. The
 * cluster's is the sum over the nodes that have one. Utilisation is the highest in the cluster as well: one full table is
 * no better for the others.
 */
export async function series(db: Db, query: SeriesQuery): Promise<Series[]> {
  const byNode = query.by === "node" || (query.by === undefined && query.node !== undefined);
  const perNode = isCount(query.metric)
    ? countSteps(query, COUNTS[query.metric])
    : nodeSteps(query, gauge(query.metric));
  const together = sql.raw(query.metric === "utilisation" ? "max(value)" : "total(value)");
  const rows = await db.all<Row>(
    byNode
      ? sql`select node, step, value from (${perNode}) order by node, step`
      : sql`select null as node, step, ${together} as value from (${perNode}) group by step order by step`,
  );
  const found = new Map<string | null, Series>();
  for (const { node, step, value } of rows) {
    const one = found.get(node) ?? { node, points: [] };
    one.points.push([step, value]);
    found.set(node, one);
  }
  return [...found.values()];
}

const isCount = (metric: SeriesMetric): metric is Count => metric in COUNTS;

/** CROSS JOIN keeps the nodes outside: each is then one seek into its own time. */
function nodeSteps({ clusterId, from, to, node, stepMs }: SeriesQuery, gauge: SQL): SQL {
  const length = sql`cast(${stepMs} as integer)`;
  const step = sql`(s.start / ${length} + o.value) * ${length}`;
  return sql`
    select n.name as node, ${step} as step, max(${gauge}) as value
    from nodes n
    cross join samples s on s.cluster_id = n.cluster_id and s.tier = 0 and s.node_id = n.id
      and s.start > ${from - MAX_WINDOW_MS} and s.start < ${to}
    cross join json_each(${stepsAWindow(stepMs)}) o
    where n.cluster_id = ${clusterId} ${named(node)} and s.end > ${from} and ${gauge} is not null
      and ${step} < s.end and ${step} < ${to} and ${step} + ${length} > ${from}
    group by n.id, step`;
}

/** Sums are doubles: those of integers fail where they leave 64 bits. */
function countSteps({ clusterId, from, to, node, stepMs }: SeriesQuery, count: string): SQL {
  const length = sql`cast(${stepMs} as integer)`;
  return sql`
    select n.name as node, s.start / ${length} * ${length} as step, total(${sql.raw(count)}) as value
    from nodes n
    cross join samples s on s.cluster_id = n.cluster_id and s.tier = 0 and s.node_id = n.id
      and s.start > ${from - MAX_WINDOW_MS} and s.start < ${to}
    where n.cluster_id = ${clusterId} ${named(node)} and s.end > ${from} and ${sql.raw(count)} is not null
    group by n.id, step`;
}

const named = (node: string | undefined) =>
  node === undefined ? sql`` : sql`and n.name = ${storable(node)}`;

function gauge(metric: Gauge | "utilisation"): SQL {
  if (metric === "utilisation") return sql`coalesce(s.count, s.entries) * 1.0 / nullif(s.max, 0)`;
  return sql.raw(GAUGES[metric]);
}

/** Numbers from 0, one for each step that a window can reach into. */
function stepsAWindow(stepMs: number): string {
  return JSON.stringify([...Array(Math.ceil(MAX_WINDOW_MS / stepMs) + 1).keys()]);
}
