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

/** Rows kept from the first reading, some 10 MB: enough for 300 nodes of 40 Pods and a window, or an hour of one. */
const KEPT_ROWS = 50_000;

type Window = { nodeId: number; holdings: Holdings };

/**
 * Who held most in a range. The segments are read twice: whom to list is known only after the first time, and what
 * everyone else held together in each window only after that. So memory grows with the keys, not with the windows.
 */
export async function rankedTally(db: Db, range: WindowRange, question: Question): Promise<Tallied> {
  const { keys, complete, windows } = await chosen(db, range, question);
  const tally = new Tally(keys, question);
  for await (const { nodeId, holdings } of windows) tally.add(nodeId, holdings);
  const tallied = tally.result();
  return {
    ...tallied,
    exact: tallied.exact && complete,
    listed: tallied.listed.filter(({ amounts }) => amounts.rows > 0),
  };
}

type Chosen = {
  keys: readonly string[];
  /** No key was left out of the choice. */
  complete: boolean;
  windows: Iterable<Window> | AsyncIterable<Window>;
};

/** Whom to list, and the windows once more: kept where they are few. */
async function chosen(db: Db, range: WindowRange, question: Question): Promise<Chosen> {
  if (question.only)
    return {
      keys: question.only.slice(0, question.limit),
      complete: true,
      windows: windowsOf(db, range, question),
    };
  const ranking = new Ranking(question.metric);
  const kept: Window[] = [];
  let rows = 0;
  for await (const window of windowsOf(db, range, question)) {
    ranking.add(window.nodeId, window.holdings);
    rows += window.holdings.keys.length + 1;
    if (rows <= KEPT_ROWS) kept.push(window);
    else kept.length = 0;
  }
  const keys = ranking.top(question.limit);
  const { complete } = ranking;
  return { keys, complete, windows: rows <= KEPT_ROWS ? kept : windowsOf(db, range, question) };
}

async function* windowsOf(db: Db, range: WindowRange, { read }: Question): AsyncGenerator<Window> {
  for await (const { nodeId, data } of segmentsIn(db, range)) yield { nodeId, holdings: read(data) };
}
