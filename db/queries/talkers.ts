import type { Db } from "../client.ts";
import { isCount, MEASURES } from "../fold/measures.ts";
import type { Measure } from "../fold/measures.ts";
import type { Piece } from "../plan.ts";
import { Ranking } from "../talkers/ranking.ts";
import type { Part, Ranked } from "../talkers/ranking.ts";
import { unownedKey } from "../talkers/source.ts";
import type { By } from "../talkers/source.ts";
import { readTables } from "./tables.ts";
import type { Reading, TableQuestion } from "./tables.ts";

export const TALKER_METRICS = MEASURES;
export type TalkerMetric = Measure;

export type TalkerQuery = TableQuestion & {
  by: By;
  limit: number;
  /** What to rank by; entries by default. */
  metric?: TalkerMetric | undefined;
};

/** `key` is of the dimension BY[by]. `perSecond`: of a count that ranked, in the time that reports cover. */
export type Talker = Part & { key: string; perSecond?: number };

/**
 * Each gauge is the most a row had in any one window of its node, or where the cluster answers, in any one minute, its nodes
 * added up; each count is all that happened.
 */
export type TalkerAnswer = Omit<Ranked, "rows"> & {
  rows: Talker[];
  /** A gauge was put together of several that may have been at their most at different times: it may be too large. */
  peaksAdded: boolean;
  pieces: readonly Piece[];
  /** From here on reports have come that are not in the answer yet; undefined where none have. */
  foldedUntil: number | undefined;
  /** How much of the pieces reports told of, in ms. */
  coveredMs: number;
};

/** The rows with most, largest first. */
export async function topTalkers(db: Db, query: TalkerQuery): Promise<TalkerAnswer> {
  const { by, metric = "entries", limit } = query;
  const ranking = new Ranking({ metric, limit, apart: unownedKey(by) });
  const reading = await readTables(db, query);
  for await (const { table } of reading.slots()) ranking.add(table);
  return answerOf(reading, ranking.finish());
}

/** What was ranked, with what is to be said of how it was read. */
export async function answerOf(reading: Reading, { rows, ...ranked }: Ranked): Promise<TalkerAnswer> {
  const { rankedBy } = ranked;
  const coveredMs = await reading.coveredMs();
  const peaksAdded = reading.peaksAdded() && !isCount(rankedBy);
  return {
    ...ranked,
    rows: rows.map((row) => ({ ...row, ...rate(row, rankedBy, coveredMs) })),
    exact: ranked.exact && !peaksAdded && reading.foldedUntil === undefined,
    peaksAdded,
    pieces: reading.pieces,
    foldedUntil: reading.foldedUntil,
    coveredMs,
  };
}

function rate({ amounts }: Part, rankedBy: Measure, coveredMs: number): { perSecond?: number } {
  if (!isCount(rankedBy) || coveredMs === 0) return {};
  return { perSecond: ((amounts[rankedBy] ?? 0) * 1000) / coveredMs };
}
