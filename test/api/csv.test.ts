import * as fc from "fast-check";
import { expect, test } from "vitest";
import { toCsv } from "../../api/csv.ts";

test("rows are lines that end with CR LF, the first the names of the columns", () => {
  const rows = [
    { a: 1, b: "x" },
    { a: -2.5, b: null },
  ];
  expect(toCsv(["a", "b", "c"], rows)).toBe("a,b,c\r\n1,x,\r\n-2.5,,\r\n");
});

test.for([
  ["plain", "plain"],
  ["a,b", '"a,b"'],
  ['say "so"', '"say ""so"""'],
  ["two\nlines", '"two\nlines"'],
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-1", "'-1"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\tx", "'\tx"],
  ["\rx", `"'\rx"`],
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ["a=1", "a=1"],
] as const)("the text %j is written %j", ([text, written]) => {
  expect(toCsv(["a"], [{ a: text }])).toBe(`a\r\n${written}\r\n`);
});

/** RFC 4180, to the letter. */
function parsed(csv: string): string[][] {
  const rows: string[][] = [[]];
  let rest = csv;
  while (rest !== "") {
    const [all = "", quoted, bare = "", end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? [];
    if (all === "") throw new Error(`no cell: ${JSON.stringify(rest)}`);
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare);
    rest = rest.slice(all.length);
    if (end === "\r\n" && rest !== "") rows.push([]);
  }
  return rows;
}

test("any texts come back as they were, but for the apostrophe before what might be a formula", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."=+-@,\"'\r\n\t ab".split("")) }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1 }), (cells) => {
      const [, ...rows] = parsed(
        toCsv(
          ["a", "b"],
          cells.map(([a, b]) => ({ a, b })),
        ),
      );
      expect(rows).toEqual(
        cells.map((row) => row.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell))),
      );
      for (const cell of rows.flat()) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    }),
    { numRuns: 500 },
  );
});
