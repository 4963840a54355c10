import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { AGGREGATES, SLOT_MS } from "../../tiers.ts";
import type { BucketTier } from "../../tiers.ts";

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

/** Columns of a bucket's rows, in the order in which `bucketRows` gives them. */
export const BUCKET_COLUMNS = sql.raw(
  ["cluster_id", "tier", "node_id", "start", "boot", "sequence", `"end"`]
    .concat(GAUGES.map(quoted), COUNTS.map(quoted), ["windows", "covered_ms", "utilisation", "nodes"])
    .join(", "),
);

/** One expression a column. */
export const each = (names: readonly string[], expression: (column: string, name: string) => string): SQL =>
  sql.raw(names.map((name) => expression(quoted(name), name)).join(",\n"));

/**
 * A sum as an integer, null where nothing is known. Added up as doubles, which are exact as far as a number of JavaScript
 * is: integers that leave 64 bits fail in SQLite, and one strange report would stop all folding.
 */
export const sumOf = (value: string): string =>
  `iif(count(${value}) > 0, cast(min(total(${value}), ${Number.MAX_SAFE_INTEGER}) as integer), null)`;

const KNOWN_OF_ANY = sql.raw(
  `coalesce(${GAUGES.map((name) => `iif(n_${name} > 0 and n_${name} <> windows, 1, null)`).join(", ")})`,
);

/**
 * Rows of samples that make up buckets, out of `folded`: a query with a row a node, in which a gauge x has the columns
 * max_x, min_x, last_x, sum_x and n_x (of how many windows), a count its name, and utilisation max_u, min_u and last_u.
 */
export function bucketRows(of: { clusterId: number; tier: BucketTier; start: number }, folded: SQL): SQL {
  const { max, min, last, sum, known } = AGGREGATES;
  const gauge = (_: string, x: string) =>
    `case a.value when ${max} then max_${x} when ${min} then min_${x} when ${last} then last_${x}
      when ${sum} then sum_${x} else iif(n_${x} > 0 and n_${x} <> windows, n_${x}, null) end`;
  const inSum = (column: string) => `iif(a.value = ${sum}, ${column}, null)`;
  return sql`
    with folded as (${folded})
    select ${of.clusterId}, ${of.tier}, node_id, ${of.start}, 0, a.value, ${of.start + SLOT_MS[of.tier]},
      ${each(GAUGES, gauge)},
      ${each(COUNTS, inSum)},
      ${sql.raw(["windows", "covered_ms"].map(inSum).join(", "))},
      ${sql.raw(`case a.value when ${max} then max_u when ${min} then min_u when ${last} then last_u end`)},
      ${sql.raw(`iif(a.value = ${max}, nodes, null)`)}
    from folded cross join json_each(${JSON.stringify(Object.values(AGGREGATES))}) a
    where a.value <> ${known} or ${KNOWN_OF_ANY} is not null`;
}
