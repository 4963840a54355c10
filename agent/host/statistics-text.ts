import type { Statistic } from "../../api/wire.ts";

/** Counters of each CPU by its number; those that this kernel does not keep are absent. */
export type CpuStatistics = Map<number, Partial<Record<Statistic, number>>>;

/**
 * Column of /proc/net/stat/nf_conntrack → its meaning (ct_cpu_seq_show in net/netfilter/nf_conntrack_standalone.c).
 * Left out: `entries`, a gauge that every row repeats; `new`, `ignore`, `delete` and `delete_list`, which are dead;
 * and `searched`, which counted look-ups, then nothing, then for a while already what `clashres` says now.
 */
const MEANING: ReadonlyMap<string, Statistic> = new Map([
  ["found", "found"],
  ["invalid", "invalid"],
  ["insert", "insert"],
  ["insert_failed", "insertFailed"],
  ["drop", "drop"],
  ["early_drop", "earlyDrop"],
  ["icmp_error", "error"],
  ["search_restart", "searchRestart"],
  ["clashres", "clashResolve"],
  ["chainlength", "chainTooLong"],
  ["expect_new", "expectNew"],
  ["expect_create", "expectCreate"],
  ["expect_delete", "expectDelete"],
]);

/** The counters are 32 bits wide. */
const HEX = /^[0-9a-f]{1,8}$/i;
/** More rows than Linux can have CPUs (CONFIG_NR_CPUS) are no statistics. */
export const MAX_CPUS = 8_192;

/**
 * Reads the whole file: a header, then one row for each possible CPU, all in hexadecimal; 16 columns before 2.6.35, 17
 * since. Undefined where the text is something else.
 */
export function parseStatistics(text: string): CpuStatistics | undefined {
  const [header = "", ...rows] = text.trimEnd().split("\n");
  const columns = header.trim().split(/\s+/);
  if (columns[0] !== "entries" || rows.length > MAX_CPUS) return undefined;
  const statistics: CpuStatistics = new Map();
  for (const [cpu, row] of rows.entries()) {
    const values = row.trim().split(/\s+/);
    if (values.length < columns.length || !values.every((value) => HEX.test(value))) return undefined;
    statistics.set(cpu, byMeaning(columns, values));
  }
  return statistics;
}

function byMeaning(columns: readonly string[], values: readonly string[]) {
  const counters: Partial<Record<Statistic, number>> = {};
  for (const [i, column] of columns.entries()) {
    const meaning = MEANING.get(column);
    if (meaning) counters[meaning] = Number.parseInt(values[i] ?? "", 16);
  }
  return counters;
}
