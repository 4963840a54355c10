import * as fc from "fast-check";
import { test } from "vitest";
import { interleave, topIndexes } from "../../../agent/summary/top.ts";

test("the top is what sorting everything would give", ({ expect }) => {
  const scores = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 });
  fc.assert(
    fc.property(scores, fc.integer({ min: 0, max: 50 }), (scores, k) => {
      const sorted = [...scores.keys()]
        .filter((index) => scores[index]! > 0)
        .toSorted((a, b) => scores[b]! - scores[a]! || a - b);
      expect(topIndexes(scores, scores.length, k)).toEqual(sorted.slice(0, k));
    }),
  );
});

test("only the first `size` scores count", ({ expect }) => {
  expect(topIndexes([1, 2, 99], 2, 5)).toEqual([1, 0]);
});

test("rankings take turns until the places are gone", ({ expect }) => {
  expect(interleave([[1, 2, 3, 4], [9, 1, 8], []], 4)).toEqual([1, 9, 2, 3]);
});

test("a ranking alone is cut, not changed", ({ expect }) => {
  expect(interleave([[5, 4, 3]], 2)).toEqual([5, 4]);
});
