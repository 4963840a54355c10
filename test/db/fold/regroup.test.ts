import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { topKeys } from "../../../db/fold/choose.ts";
import { Distinct } from "../../../db/fold/distinct.ts";
import { fieldsOf, keyOf } from "../../../db/fold/keys.ts";
import { mergeInTime } from "../../../db/fold/merge.ts";
import { regroup } from "../../../db/fold/regroup.ts";
import type { Table } from "../../../db/fold/table.ts";
import { WordKeys } from "../../../db/fold/word-keys.ts";

/** An empty object matches any. */
const NONE = expect.toSatisfy((bounds: object) => Object.keys(bounds).length === 0);

const table: Table = {
  keys: ["a1", "a2", "b1"],
  columns: { entries: [3, 4, 5], opened: [1, 1, 1], peers: [1, 2, 3] },
  rest: { rows: 2, entries: 6, opened: 0 },
  lack: { entries: 2 },
  miss: { entries: 6, opened: 0, peers: 6 },
};

describe("regrouping", () => {
  it("adds up the rows of a group, each of which may have all of the rest", () => {
    expect(regroup(table, (row) => table.keys[row]?.slice(0, 1))).toEqual({
      keys: ["a", "b"],
      columns: { entries: [7, 5], opened: [2, 1], peers: [3, 3] },
      rest: { rows: 0, entries: 6, opened: 0 },
      lack: { entries: 6, peers: 6 },
      miss: { entries: 6, opened: 0, peers: 6 },
    });
  });

  it("leaves rows out, and then says nothing of the rest but that it may be of those that are there", () => {
    const filtered = regroup(table, (row) => (row === 2 ? undefined : "a"));
    expect(filtered).toMatchObject({
      keys: ["a"],
      columns: { entries: [7] },
      rest: { rows: 0 },
      lack: { entries: 6 },
      miss: { entries: 6 },
    });
    expect(filtered.rest).toEqual({ rows: 0 });
    expect(mergeInTime([filtered, filtered], topKeys(1)).lack).toEqual({ entries: 6, peers: 6 });
  });

  it("keeps a table that lacks nothing exact", () => {
    const exact = { ...table, rest: { rows: 0, entries: 0, opened: 0 }, lack: {}, miss: {} };
    expect(regroup(exact, () => "all")).toMatchObject({ columns: { entries: [12] }, lack: NONE, miss: NONE });
    expect(regroup(exact, () => undefined)).toMatchObject({
      keys: [],
      columns: { entries: [] },
      lack: NONE,
      miss: NONE,
    });
  });
});

describe("keys", () => {
  it("come back as the fields they were made of", () => {
    const name = fc.string().map((text) => text.replaceAll("\0", ""));
    const edge = fc.record({
      namespace: name,
      workloadKind: name,
      workload: name,
      peer: fc.ipV6(),
      port: fc.nat(65_535),
      protocol: fc.nat(255),
      nat: fc.nat(3),
    });
    fc.assert(
      fc.property(edge, (fields) => {
        expect(fieldsOf("edge", keyOf("edge", fields))).toEqual(fields);
      }),
    );
  });
});

describe("numbering", () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer()), { maxLength: 300 });

  it("gives rows of the same words the same number, in the order they come, before and after some are left out", () => {
    fc.assert(
      fc.property(rows, rows, fc.nat(4), (first, second, every) => {
        const keys = new WordKeys(2);
        const texts: string[] = [];
        const check = (of: [number, number][]) => {
          const numbers = keys.numbers(
            [Int32Array.from(of, ([a]) => a), Int32Array.from(of, ([, b]) => b)],
            of.length,
          );
          for (const [i, row] of of.entries()) {
            if (!texts.includes(String(row))) texts.push(String(row));
            expect(texts[numbers[i] ?? -1]).toBe(String(row));
          }
          expect(keys.size).toBe(texts.length);
        };
        check(first);
        const kept = [...texts.keys()].filter((number) => number % (every + 1) === 0);
        keys.keep(kept, (value) => value);
        texts.splice(0, texts.length, ...kept.map((number) => texts[number] ?? ""));
        check(second);
        for (const [number, text] of texts.entries())
          expect(`${keys.word(number, 0)},${keys.word(number, 1)}`).toBe(text);
      }),
    );
  });

  it("begins anew without what was numbered before", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(500))), (rounds) => {
        const distinct = new Distinct();
        for (const values of rounds) {
          distinct.begin();
          const numbers = distinct.numbers(Int32Array.from(values));
          expect(distinct.values).toEqual([...new Set(values)]);
          expect([...numbers].map((number) => distinct.values[number])).toEqual(values);
        }
      }),
    );
  });
});

describe("choosing", () => {
  const choose = (columns: Table["columns"], k: number) => {
    const keys = columns.entries?.map((_, row) => `k${99 - row}`) ?? [];
    return [...topKeys(k)({ size: keys.length, keys, keyOf: (row) => keys[row] ?? "", columns })].toSorted(
      (a, b) => a - b,
    );
  };

  it("takes the largest by each measure, of equal ones the first by key, and no zeros", () => {
    expect(choose({ entries: [1, 9, 2, 3], opened: [0, 0, 7, 0] }, 1)).toEqual([1, 2]);
    expect(choose({ entries: [5, 5, 5] }, 2)).toEqual([1, 2]);
    expect(choose({ entries: [0, 0, 0] }, 2)).toEqual([]);
    expect(choose({ entries: [0, 0] }, 2)).toEqual([0, 1]);
  });

  it("takes what sorting would", () => {
    const values = fc.array(fc.oneof(fc.nat(5), fc.nat()), { maxLength: 200 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 20 }), (entries, k) => {
        const rows = entries.map((value, row) => ({ value, row, key: `k${99 - row}` }));
        const sorted = rows
          .toSorted((a, b) => b.value - a.value || (a.key < b.key ? -1 : 1))
          .filter(({ value }) => value > 0);
        const expected = entries.length <= k ? rows : sorted.slice(0, k);
        expect(choose({ entries }, k)).toEqual(expected.map(({ row }) => row).toSorted((a, b) => a - b));
      }),
    );
  });
});
