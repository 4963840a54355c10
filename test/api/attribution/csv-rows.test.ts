import * as fc from "fast-check";
import { expect, test } from "vitest";
import { csvRows, MAX_CELL_LENGTH, MAX_CELLS } from "../../../api/attribution/csv-rows.ts";
import { toCsv } from "../../../api/csv.ts";
import { ANY_CHARACTER, ON_WORKERS } from "../../support/on-workers.ts";

const rows = (text: string) => [...csvRows(text)].flatMap((row) => (row ? [row.cells] : []));

test.for([
  [
    "a,b\r\nc,d\r\n",
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  [
    "a,b\nc,",
    [
      ["a", "b"],
      ["c", ""],
    ],
  ],
  ['"a,1","say ""so"""\n', [["a,1", 'say "so"']]],
  ['"two\nlines",x\n', [["two\nlines", "x"]]],
  ['""\n"",""\n\n,\na', [["a"]]],
  [
    '"never closed,x\nnext,y\n',
    [
      ['"never closed', "x"],
      ["next", "y"],
    ],
  ],
  ['"closed"too early,x\n', [['"closed"too early', "x"]]],
  ["a\rb,c\r\n", [["a\rb", "c"]]],
  ["", []],
] as const)("%j is %j", ([text, expected]) => {
  expect(rows(text)).toEqual(expected);
});

test("rows have the lines in which they begin", () => {
  const lines = [...csvRows('a\n\n"b\nb"\r\nc')].map((row) => row?.line);
  expect(lines).toEqual([1, 3, 5]);
});

test("a cell in quotes has so many characters, and a longer one was never closed; of a row so many cells are kept", () => {
  const cell = "x,".repeat(MAX_CELL_LENGTH / 2);
  expect(rows(`"${cell}"`)).toEqual([[cell]]);
  expect(rows(`"${cell}x"`)[0]?.[0]).toBe('"x');
  expect(rows("x,".repeat(MAX_CELLS))[0]).toHaveLength(MAX_CELLS);
  expect(rows("x,".repeat(MAX_CELLS - 1))[0]).toHaveLength(MAX_CELLS);
});

test.for([
  ["rows that are blank", "\n"],
  ["cells of one row", ","],
  ["characters of one cell", "x"],
] as const)("of a hundred thousand %s others have a turn between", ([, character]) => {
  const steps = [...csvRows(`y,${character.repeat(100_001)},x`)];
  expect(steps.filter((step) => !step).length).toBeGreaterThan(0);
  expect(steps.at(-1)?.line).toBe(character === "\n" ? 100_002 : 1);
});

test("what is written as CSV is read as it was", () => {
  const text = fc.oneof(
    fc.string({ unit: ANY_CHARACTER }),
    fc.string({ unit: fc.constantFrom(",", '"', "\n", "\r", " ", "x") }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }), (cells) => {
      const written = toCsv(
        ["a", "b"],
        cells.map(([a, b]) => ({ a, b })),
      );
      const whole = cells.filter((row) => row.some((cell) => cell !== ""));
      const inert = whole.map((row) => row.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)));
      expect(rows(written)).toEqual([["a", "b"], ...inert]);
    }),
    { numRuns: ON_WORKERS ? 5 : 150 },
  );
});

test("any text is read to its end, and its last line has a row of its own", () => {
  const text = fc.array(fc.constantFrom('"', '""', ",", "\n", "\r\n", "x"), { maxLength: 40 });
  fc.assert(
    fc.property(text, (parts) => {
      const read = [...csvRows(`${parts.join("")}${"y".repeat(MAX_CELL_LENGTH)}\nlast`)];
      expect(read.at(-1)?.cells.at(-1)).toBe("last");
    }),
    { numRuns: ON_WORKERS ? 5 : 150 },
  );
});
