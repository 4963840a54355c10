import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Table } from "../../db/fold/table.ts";
import { MAX_ROWS, Ranking } from "../../db/talkers/ranking.ts";

const tableOf = (keys: readonly string[], entries: readonly number[], opened?: readonly number[]): Table => ({
  keys,
  columns: { entries, ...(opened && { opened }) },
  rest: { rows: 0, entries: 0, ...(opened && { opened: 0 }) },
  lack: {},
  miss: {},
});

test("any tables rank as adding them up by hand does, what is apart left out", () => {
  const names = ["", "a", "b", "c", "d"];
  const slots = fc.array(fc.tuple(...names.map(() => fc.nat(5))), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(slots, fc.nat(5), (slots, limit) => {
      const ranking = new Ranking({ metric: "opened", limit, apart: "" });
      for (const values of slots) ranking.add(tableOf(names, values, values));
      const { rows, unattributed, remainder, total, exact } = ranking.finish();
      const sums = names.map((key, i) => ({ key, sum: slots.reduce((sum, values) => sum + values[i]!, 0) }));
      const [nobody, ...others] = sums;
      const top = others.toSorted((a, b) => b.sum - a.sum || (a.key < b.key ? -1 : 1));
      expect(rows.map(({ key, amounts }) => ({ key, sum: amounts.opened }))).toEqual(top.slice(0, limit));
      expect(unattributed?.amounts.opened).toBe(nobody!.sum);
      expect(remainder.amounts.opened).toBe(top.slice(limit).reduce((all, { sum }) => all + sum, 0));
      expect(total.opened).toBe(sums.reduce((all, { sum }) => all + sum, 0));
      expect(exact).toBe(true);
    }),
  );
});

test.for([MAX_ROWS, MAX_ROWS + 1])("%i rows in all, in one part or in two, rank the same", (rows) => {
  const ranking = new Ranking({ metric: "entries", limit: 2, apart: undefined });
  const each = 50_000;
  const keys = Array.from({ length: each }, (_, i) => `key-${i}`);
  for (let left = rows; left > 0; left -= each) {
    const some = keys.slice(0, left);
    ranking.add(
      tableOf(
        some,
        some.map((_, i) => i % 7),
        some.map((_, i) => i),
      ),
    );
  }
  const parts = Math.floor(rows / each);
  const { rows: top, total, missing } = ranking.finish();
  expect(top.map(({ amounts }) => amounts.entries)).toEqual([6, 6]);
  expect([total.opened, missing.entries]).toEqual([(parts * each * (each - 1)) / 2, 6]);
});
