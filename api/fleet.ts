import { MEASURES } from "../db/fold/measures.ts";
import type { Amounts, Measure } from "../db/fold/measures.ts";
import type { Bounds } from "../db/fold/table.ts";
import type { TalkerAnswer } from "../db/queries/talkers.ts";
import type { Part } from "../db/talkers/ranking.ts";
import { inTurn } from "./in-turn.ts";

/** A cluster and a way to ask it for its first `limit` rows. */
export interface Asked {
  cluster: string;
  ask: (limit: number) => Promise<TalkerAnswer>;
}

export type FleetAnswer = Omit<TalkerAnswer, "rows"> & {
  rows: (TalkerAnswer["rows"][number] & { cluster: string })[];
};

/**
 * One answer for several clusters. Each is asked apart and, where rows of others push some of its own out of the top,
 * once more for fewer, so that its remainder is computed where it is exact. Where any cluster knows the metric it ranks,
 * those that do not come last and have no share of it; else entries rank all. Shares become shares of the whole fleet.
 */
export async function askFleet(
  clusters: readonly Asked[],
  limit: number,
  metric: Measure,
): Promise<FleetAnswer> {
  const first = await inTurn(clusters, ({ ask }) => ask(limit));
  const rankedBy = first.some((answer) => answer.rankedBy === metric) ? metric : "entries";
  const rank = ({ amounts }: Part) => amounts[rankedBy] ?? -1;
  const kept = rowsKept(
    first.map(({ rows }) => rows.map(rank)),
    limit,
  );
  const answers = await inTurn(first, async (answer, at) => {
    const keep = kept[at] ?? 0;
    return keep < answer.rows.length ? ((await clusters[at]?.ask(keep)) ?? answer) : answer;
  });
  const weigh = weighing(answers, rankedBy);
  const rows = answers
    .flatMap((answer, at) =>
      answer.rows.map((row) => ({ ...weigh(row, at), cluster: clusters[at]?.cluster ?? "" })),
    )
    .toSorted((a, b) => rank(b) - rank(a));
  const apart = answers.flatMap(({ unattributed }, at) => (unattributed ? [weigh(unattributed, at)] : []));
  const least = rows.length < limit ? 0 : (rows.map(rank).at(-1) ?? 0);
  return {
    rankedBy,
    rows,
    remainder: together(answers.map(({ remainder }, at) => weigh(remainder, at))),
    unattributed: apart.length > 0 ? together(apart) : undefined,
    total: sum(answers.map(({ total }) => total)),
    ...exactness(answers, rankedBy, least),
    pieces: answers.flatMap(({ pieces }) => pieces),
    coveredMs: Math.max(0, ...answers.map(({ coveredMs }) => coveredMs)),
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

/** Makes of a share of one cluster one of all. */
function weighing(answers: readonly TalkerAnswer[], rankedBy: Measure) {
  // Peers do not add up, so that shares are by entries there.
  const shared = rankedBy === "peers" ? "entries" : rankedBy;
  const totals = answers.map((answer) => (answer.rankedBy === rankedBy ? (answer.total[shared] ?? 0) : 0));
  const all = totals.reduce((sum, value) => sum + value, 0);
  const weights = totals.map((value) => (totals.length === 1 ? 1 : value / (all || 1)));
  return <P extends Part>(part: P, at: number): P => ({ ...part, share: part.share * (weights[at] ?? 0) });
}

/** Up to when all of the answers are whole; undefined where none lacks anything. */
export function earliestFolded(answers: readonly { foldedUntil: number | undefined }[]): number | undefined {
  const known = answers.flatMap(({ foldedUntil }) => foldedUntil ?? []);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function exactness(answers: readonly TalkerAnswer[], rankedBy: Measure, least: number) {
  const lack = most(answers.map((answer) => answer.lack));
  const missing = most(answers.map((answer) => answer.missing));
  const peaksAdded = answers.some((answer) => answer.peaksAdded);
  const foldedUntil = earliestFolded(answers);
  const isWhole = !peaksAdded && foldedUntil === undefined;
  const exact = !lack[rankedBy] && (missing[rankedBy] ?? 0) <= least && isWhole;
  return { lack, missing, peaksAdded, foldedUntil, exact };
}

function together(parts: readonly Part[]): Part {
  return {
    amounts: sum(parts.map(({ amounts }) => amounts)),
    share: parts.reduce((share, part) => share + part.share, 0),
  };
}

/** A measure that one cluster does not know is not known of all; one that has nothing at all knows of nothing and takes no part. */
function sum(parts: readonly Amounts[]): Amounts {
  const total: Amounts = { rows: parts.reduce((rows, part) => rows + part.rows, 0) };
  const known = parts.filter(
    (part) => part.rows > 0 || MEASURES.some((measure) => part[measure] !== undefined),
  );
  for (const measure of MEASURES) {
    const values = known.map((part) => part[measure]);
    if (values.length > 0 && !values.includes(undefined))
      total[measure] = values.reduce<number>((all, value = 0) => all + value, 0);
  }
  return total;
}

function most(bounds: readonly Bounds[]): Bounds {
  const largest: Bounds = {};
  for (const measure of MEASURES) {
    const values = bounds.flatMap((bound) => bound[measure] ?? []);
    if (values.length > 0) largest[measure] = Math.max(...values);
  }
  return largest;
}
