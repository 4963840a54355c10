import { test } from "vitest";
import { jsonChunks } from "../../../db/facts/chunks.ts";

const MAX_TEXT = 600_000;
/** As JSON it has so many characters. */
const row = (length: number) => "x".repeat(length - 2);

test("rows go into as few texts as are short enough to bind, in order and none twice", ({ expect }) => {
  expect(jsonChunks([])).toEqual([]);
  expect(jsonChunks([1, [2], { a: 3 }])).toEqual(['[1,[2],{"a":3}]']);
  const most = [row(MAX_TEXT / 2), row(MAX_TEXT / 2 - 1), 7];
  expect(jsonChunks(most).map((text) => JSON.parse(text))).toEqual([most.slice(0, 2), [7]]);
  const one = [row(MAX_TEXT / 2), row(MAX_TEXT / 2), 7];
  expect(jsonChunks(one).map((text) => JSON.parse(text))).toEqual([one.slice(0, 1), one.slice(1)]);
  expect(jsonChunks([row(MAX_TEXT * 2), 7])).toHaveLength(2);
});
