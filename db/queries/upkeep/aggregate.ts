import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { AGGREGATES, SLOT_MS } from "../../tiers.ts";
import type { Aggregate, BucketTier } from "../../tiers.ts";

/** Columns of samples that say how it was at a moment. */
export const GAUGES = [
  "count",
  "max",
  "buckets",
  "dump_ms",
  "entries",
  "ipv4",
  "ipv6",
  "tcp",
  "udp",
  "icmp",
  "icmpv6",
  "sctp",
  "other_protocols",
  "tcp_none",
  "tcp_syn_sent",
  "tcp_syn_recv",
  "tcp_established",
  "tcp_fin_wait",
  "tcp_close_wait",
  "tcp_last_ack",
  "tcp_time_wait",
  "tcp_close",
  "tcp_syn_sent2",
  "nat_none",
  "nat_snat",
  "nat_dnat",
  "nat_both",
  "unreplied",
  "assured",
  "offloaded",
  "unreadable_lines",
  "untracked",
  "older",
  "forgotten",
  "agent_rss",
] as const;

/** Columns of samples that say how often something happened; `interrupted`: in how many windows a dump was. */
export const COUNTS = [
  "interrupted",
  "opened",
  "closed",
  "overruns",
  "stat_found",
  "stat_invalid",
  "stat_insert_failed",
  "stat_drop",
  "stat_early_drop",
  "stat_error",
  "stat_search_restart",
  "stat_clash_resolve",
  "stat_chain_too_long",
  "table_full",
  "agent_cpu_ms",
] as const;

const quoted = (name: string): string => `"${name}"`;

/** Columns of the rows of a bucket, in the order in which `aggregateRow` gives them: D1 takes no more than 100. */
export const BUCKET_COLUMNS = sql.raw(
  ["cluster_id", "tier", "node_id", "start", "boot", "sequence", `"end"`]
    .concat(GAUGES.map(quoted), COUNTS.map(quoted), ["windows", "covered_ms", "utilisation", "nodes"])
    .join(", "),
);

/** One expression a column. */
export const each = (names: readonly string[], expression: (column: string) => string): SQL =>
  sql.raw(names.map((name) => `${expression(quoted(name))} as ${quoted(name)}`).join(",\n"));

/**
 * A sum as an integer, null where nothing is known. Added up as doubles, which are exact as far as a number of JavaScript
 * is: integers that leave 64 bits fail in SQLite, and one strange report would stop all folding. One aggregate a column, since
 * D1 takes no more than 100 a query.
 */
export const sumOf = (value: string): string =>
  `cast(min(sum(${value} * 1.0), ${Number.MAX_SAFE_INTEGER}) as integer)`;

/** Whether any gauge has one. A chain, since functions on D1 take no more than 32 arguments. */
export const anyGauge = (expression: (column: string) => string): SQL =>
  sql.raw(GAUGES.map((name) => `${expression(quoted(name))} is not null`).join(" or "));

export type BucketSlot = { clusterId: number; tier: BucketTier; start: number };

/** What stands in one of the rows that make up a bucket, each an expression; null where it is not given. */
export type RowOf = {
  aggregate: Aggregate;
  nodeId?: string;
  gauge: (column: string) => string;
  count?: (column: string) => string;
  windows?: string;
  coveredMs?: string;
  utilisation?: string;
  nodes?: string;
  /** From where on, and by what it is grouped. */
  from: SQL;
};

export function aggregateRow({ clusterId, tier, start }: BucketSlot, row: RowOf): SQL {
  const { aggregate, nodeId = "node_id", gauge, count = () => "null", from } = row;
  const rest = [row.windows, row.coveredMs, row.utilisation, row.nodes]
    .map((value) => value ?? "null")
    .join(", ");
  return sql`
    select ${clusterId} as cluster_id, ${tier} as tier, ${sql.raw(nodeId)} as node_id, ${start} as start, 0 as boot,
      ${sql.raw(String(AGGREGATES[aggregate]))} as sequence, ${start + SLOT_MS[tier]} as "end",
      ${each(GAUGES, gauge)}, ${each(COUNTS, count)}, ${sql.raw(rest)} ${from}`;
}
