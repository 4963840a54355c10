import type { Measure } from "../db/holdings/holdings.ts";

/** Fields of an answer that add up over clusters; a field one of them does not know is not known of all. */
type Sums = Record<string, number | undefined>;

/** What one cluster answers to "who are the top ones?". */
export interface ClusterAnswer<Metric, Row, Rest extends Sums & { share: number }, Total extends Sums> {
  /** The metric asked for, or entries where no row of the cluster knows that. */
  rankedBy: Metric;
  rows: Row[];
  remainder: Rest;
  total: Total;
  /** False where reports had folded something away that may belong to a row. */
  exact: boolean;
  /** Entries so folded. */
  unlisted: number;
  windows: number;
}

/** A cluster and a way to ask it for its first `limit` rows. */
export interface Asked<Answer> {
  cluster: string;
  ask: (limit: number) => Promise<Answer>;
}

/**
 * One answer for several clusters. Each is asked apart and, where rows of others push some of its own out of the top,
 * once more for fewer, so that its remainder is computed where it is exact. Where any cluster knows the metric it ranks,
 * those that do not come last and have no share of it; else entries rank all. Shares become shares of the whole fleet.
 */
export async function askFleet<
  Metric extends Measure,
  Row extends { share: number } & { [measure in Measure]?: number | undefined },
  Rest extends Sums & { share: number },
  Total extends Sums,
>(clusters: readonly Asked<ClusterAnswer<Metric, Row, Rest, Total>>[], limit: number, metric: Metric) {
  const first = await Promise.all(clusters.map(({ ask }) => ask(limit)));
  const rankedBy: Metric | "entries" = first.some((answer) => answer.rankedBy === metric)
    ? metric
    : "entries";
  const rank = (row: Row) => row[rankedBy] ?? -1;
  const kept = rowsKept(
    first.map(({ rows }) => rows.map(rank)),
    limit,
  );
  const answers = await Promise.all(
    first.map(async (answer, at) => {
      const keep = kept[at] ?? 0;
      return keep < answer.rows.length ? ((await clusters[at]?.ask(keep)) ?? answer) : answer;
    }),
  );
  // Peers do not add up, so that shares are by entries there.
  const shared = rankedBy === "peers" ? "entries" : rankedBy;
  const weights = weightsOf(
    answers.map((answer) => (answer.rankedBy === rankedBy ? (answer.total[shared] ?? 0) : 0)),
  );
  const rows = answers.flatMap((answer, at) =>
    answer.rows.map((row) => ({
      cluster: clusters[at]?.cluster ?? "",
      ...row,
      share: row.share * (weights[at] ?? 0),
    })),
  );
  return {
    rankedBy,
    rows: rows.toSorted((a, b) => rank(b) - rank(a)),
    remainder: sum(
      answers.map(({ remainder }, at) => ({ ...remainder, share: remainder.share * (weights[at] ?? 0) })),
    ),
    total: sum(answers.map(({ total }) => total)),
    exact: answers.every(({ exact }) => exact),
    unlisted: answers.reduce((all, { unlisted }) => all + unlisted, 0),
    windows: answers.reduce((all, { windows }) => all + windows, 0),
  };
}

/** How many of each cluster's rows are among the `limit` largest of all. */
function rowsKept(ranks: readonly number[][], limit: number): number[] {
  const all = ranks.flatMap((values, cluster) => values.map((value) => ({ value, cluster })));
  const kept = ranks.map(() => 0);
  for (const { cluster } of all.toSorted((a, b) => b.value - a.value).slice(0, limit))
    kept[cluster] = (kept[cluster] ?? 0) + 1;
  return kept;
}

function weightsOf(totals: readonly number[]): number[] {
  const all = totals.reduce((sum, value) => sum + value, 0);
  return totals.map((value) => (totals.length === 1 ? 1 : value / (all || 1)));
}

function sum<T extends Sums>(parts: readonly T[]): T {
  const total: Sums = {};
  for (const name of new Set(parts.flatMap((part) => Object.keys(part)))) {
    const values = parts.map((part) => part[name]);
    if (!values.includes(undefined)) total[name] = values.reduce((all = 0, value = 0) => all + value, 0);
  }
  return total as T;
}
