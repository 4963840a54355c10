import * as fc from "fast-check";
import { test } from "vitest";
import { KeyTable } from "../../../agent/summary/key-table.ts";

const word = fc.oneof(
  fc.integer(),
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(-1, -(2 ** 31), 2 ** 31 - 1),
);

test("equal keys share a number and different keys never do, also while the table grows", ({ expect }) => {
  const keys = fc.array(fc.tuple(word, word, word, word), { minLength: 1, maxLength: 5_000 });
  fc.assert(
    fc.property(keys, (keys) => {
      const table = new KeyTable(1_000_000);
      const numbers = new Map<string, number>();
      for (const key of keys) {
        const text = key.join();
        if (!numbers.has(text)) numbers.set(text, numbers.size);
        expect(table.index(...key)).toBe(numbers.get(text));
      }
      expect(table.size).toBe(numbers.size);
    }),
    { numRuns: 30 },
  );
});

test("a table of 100,000 keys finds every one again", ({ expect }) => {
  const table = new KeyTable(100_000);
  for (let key = 0; key < 100_000; key += 1) table.index(key, key << 16, 0, -key);
  const wrong = [...Array(100_000).keys()].filter((key) => table.index(key, key << 16, 0, -key) !== key);
  expect(wrong).toEqual([]);
});

test("a full table knows its keys and refuses new ones", ({ expect }) => {
  const table = new KeyTable(2);
  table.index(1, 0, 0, 0);
  table.index(2, 0, 0, 0);
  expect([table.index(3, 0, 0, 0), table.index(2, 0, 0, 0), table.size]).toEqual([-1, 1, 2]);
});

test("a cleared table starts from nothing", ({ expect }) => {
  const table = new KeyTable(2);
  table.index(1, 0, 0, 0);
  table.index(2, 0, 0, 0);
  table.clear();
  expect([table.index(9, 9, 9, 9), table.size, table.word(0, 3)]).toEqual([0, 1, 9]);
});
