import { test } from "vitest";
import { MAX_CANDIDATES, Ranking } from "../../db/holdings/ranking.ts";

const holdings = (count: number) => ({
  keys: Array.from({ length: count }, (_, key) => String(key)),
  columns: { entries: Array.from({ length: count }, (_, key) => key) },
  total: { rows: count },
  folded: undefined,
});

test.for([
  [MAX_CANDIDATES, true],
  [MAX_CANDIDATES + 1, false],
] as const)("a ranking of %i keys is complete: %s", ([count, complete], { expect }) => {
  const ranking = new Ranking("entries");
  ranking.add(1, holdings(count));
  const [first] = ranking.top(1);
  expect([first, ranking.complete]).toEqual([String(count - 1), complete]);
});
