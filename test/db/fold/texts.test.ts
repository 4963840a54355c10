import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Texts } from "../../../db/fold/texts.ts";

const keys = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"), {
  maxLength: 10,
});

test("texts have the numbers in which they came first, whatever came after what before", () => {
  fc.assert(
    fc.property(fc.array(keys), (tables) => {
      const texts = new Texts();
      const known = new Map<string, number>();
      for (const table of tables) {
        for (const key of table) if (!known.has(key)) known.set(key, known.size);
        expect([...texts.numbers(table)]).toEqual(table.map((key) => known.get(key)));
      }
      expect(texts.size).toBe(known.size);
      expect([...known.values()].map((number) => texts.keyOf(number))).toEqual([...known.keys()]);
    }),
  );
});

test("texts that are kept are numbered anew, and those that went come as new ones", () => {
  const texts = new Texts();
  texts.numbers(["a", "b", "c", "d"]);
  texts.keep(Int32Array.of(3, 1));
  expect([...texts.numbers(["b", "c", "d"])]).toEqual([1, 2, 0]);
  expect([...texts.numbers(["c", "d", "a"])]).toEqual([2, 0, 3]);
});
