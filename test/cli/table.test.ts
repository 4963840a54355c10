import * as fc from "fast-check";
import { test } from "vitest";
import { number, table } from "../../api/cli/table.ts";

const ROWS = [
  { name: "shop/web-1", count: 12_345, rate: 0.25, node: "node-1", zone: null },
  { name: "b", count: 7, rate: undefined, node: "", zone: null },
];
const COLUMNS = [
  { title: "count", of: (row: (typeof ROWS)[number]) => row.count },
  { title: "name", of: (row: (typeof ROWS)[number]) => row.name },
  { title: "a second", of: (row: (typeof ROWS)[number]) => row.rate, spare: 1 },
  { title: "zone", of: (row: (typeof ROWS)[number]) => row.zone },
  { title: "node", of: (row: (typeof ROWS)[number]) => row.node, spare: 2 },
];

test("numbers stand to the right, texts to the left, and a column without values not at all", ({
  expect,
}) => {
  expect(table(ROWS, COLUMNS).split("\n")).toEqual([
    " count  name        a second  node",
    "12,345  shop/web-1      0.25  node-1",
    "     7  b                  -  -",
  ]);
});

test("what does not fit loses whole columns, the sparest first, and never a part of a value", ({
  expect,
}) => {
  expect(table(ROWS, COLUMNS, 34).split("\n")[1]).toBe("12,345  shop/web-1      0.25");
  expect(table(ROWS, COLUMNS, 36).split("\n")[1]).toBe("12,345  shop/web-1      0.25  node-1");
  expect(table(ROWS, COLUMNS, 27).split("\n")[1]).toBe("12,345  shop/web-1");
  expect(table(ROWS, COLUMNS, 3).split("\n")[1]).toBe("12,345  shop/web-1");
});

test("a table is as narrow as asked where leaving out spare columns can make it so", ({ expect }) => {
  const cells = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{0,12}$/), fc.stringMatching(/^[a-z]{0,12}$/)), {
    minLength: 1,
  });
  fc.assert(
    fc.property(cells, fc.integer({ min: 1, max: 40 }), (rows, width) => {
      const columns = [
        { title: "a", of: ([a]: [string, string]) => a || "x" },
        { title: "b", of: ([, b]: [string, string]) => b, spare: 1 },
      ];
      const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));
      const whole = table(rows, columns);
      const fitted = table(rows, columns, width);
      const alone = table(rows, columns.slice(0, 1));
      expect(fitted).toBe(widest(whole) <= width ? whole : alone);
    }),
  );
});

test.for([
  [0, "0"],
  [1234567, "1,234,567"],
  [0.0384, "0.038"],
  [12.345, "12.3"],
  [123.9, "124"],
] as const)("%d is shown as %s", ([value, text], { expect }) => {
  expect(number(value)).toBe(text);
});
