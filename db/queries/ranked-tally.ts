import type { Db } from "../client.ts";
import type { Holdings, Measure } from "../holdings/holdings.ts";
import { Ranking } from "../holdings/ranking.ts";
import { Tally } from "../holdings/tally.ts";
import type { Tallied } from "../holdings/tally.ts";
import { segmentsIn } from "./windows.ts";
import type { WindowRange } from "./windows.ts";

export type Question = {
  read: (data: Uint8Array) => Holdings;
  /** Whether `read` leaves out what does not match. */
  filtered: boolean;
  metric: Measure;
  limit: number;
  /** List these and no others. */
  only?: readonly string[] | undefined;
};

/**
 * Who held most in a range. The segments are read twice: whom to list is known only after the first time, and what
 * everyone else held together in each window only after that. So memory grows with the keys, not with the windows.
 */
export async function rankedTally(db: Db, range: WindowRange, question: Question): Promise<Tallied> {
  const keys = question.only ?? (await largest(db, range, question));
  const tally = new Tally(keys, question.filtered);
  for await (const { nodeId, data } of segmentsIn(db, range)) tally.add(nodeId, question.read(data));
  const tallied = tally.result();
  return { ...tallied, listed: tallied.listed.filter(({ amounts }) => amounts.rows > 0) };
}

async function largest(db: Db, range: WindowRange, question: Question): Promise<string[]> {
  const ranking = new Ranking(question.metric);
  for await (const { nodeId, data } of segmentsIn(db, range)) ranking.add(nodeId, question.read(data));
  return ranking.top(question.limit);
}
