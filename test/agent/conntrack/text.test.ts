import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import { MAX_LINE_BYTES, TextScanner } from "../../../agent/conntrack/text.ts";
import { aRow, asRow, comparable, procfsLine, type Row } from "../../support/rows.ts";
import { someRow } from "../../support/some-rows.ts";

interface Scanned {
  rows: Row[];
  lines: number;
  samples: string[];
}

function scan(...chunks: (string | Uint8Array)[]): Scanned {
  const rows: Row[] = [];
  const scanner = new TextScanner((entry) => rows.push(asRow(entry)));
  for (const chunk of chunks) scanner.push(Buffer.from(chunk));
  scanner.end();
  return { rows, ...scanner.unreadable };
}

/** Text in pieces that end at the given places. */
function cut(text: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b);
  return [...ends, text.length].map((end, i) => text.subarray(ends[i - 1] ?? 0, end));
}

const captured = (name: string) => readFileSync(join(import.meta.dirname, "captured", name));
const line = procfsLine(aRow());

describe("scanning text", () => {
  test("any row printed as procfs prints it reads back", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(someRow), (rows) => {
        const text = rows.map((row) => `${procfsLine(row)}\n`).join("");
        expect(scan(text)).toEqual({ rows: rows, lines: 0, samples: [] });
      }),
    );
  });

  test("the same table reads the same from procfs and from every output of the command", ({ expect }) => {
    const [procfs, plain, extended] = ["procfs.txt", "plain.txt", "extended.txt"].map((name) =>
      scan(captured(name)),
    );
    expect(procfs?.rows).toHaveLength(12);
    expect(comparable(plain?.rows ?? [])).toEqual(comparable(procfs?.rows ?? []));
    expect(comparable(extended?.rows ?? [])).toEqual(comparable(procfs?.rows ?? []));
  });

  test("events read the same with and without times, families and ids", ({ expect }) => {
    const [plain, extended] = ["events.txt", "events-extended.txt"].map((name) => scan(captured(name)));
    expect(plain?.rows).toHaveLength(31);
    expect(plain).toEqual(extended);
    expect(new Set(plain?.rows.map(({ event }) => event))).toEqual(new Set(["new", "update", "destroy"]));
  });

  test("where chunks end makes no difference", ({ expect }) => {
    const text = Buffer.concat([captured("procfs.txt"), Buffer.from("garbage\n\n"), captured("events.txt")]);
    const whole = scan(text);
    expect(whole).toMatchObject({ lines: 1, samples: ["garbage"] });
    fc.assert(
      fc.property(fc.array(fc.nat({ max: text.length })), (places) => {
        expect(scan(...cut(text, places))).toEqual(whole);
      }),
    );
    expect(scan(...cut(text, [...text.keys()]))).toEqual(whole);
  });

  test("random bytes between rows never throw, never loop, and hide no row", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (noise) => {
        const chunks = noise.flatMap((bytes) => [bytes, Buffer.from(`\n${line}\n`)]);
        const { rows } = scan(...chunks);
        expect(rows.filter((row) => JSON.stringify(row) === JSON.stringify(aRow()))).toHaveLength(
          noise.length,
        );
      }),
    );
  });

  test("mutated rows never throw and count once each", ({ expect }) => {
    const mutation = fc.record({ at: fc.nat(), value: fc.integer({ min: 11, max: 255 }) });
    fc.assert(
      fc.property(someRow, fc.array(mutation, { minLength: 1 }), (row, mutations) => {
        const bytes = Buffer.from(procfsLine(row));
        for (const { at, value } of mutations) bytes[at % bytes.length] = value;
        const { rows, lines } = scan(bytes);
        expect(rows.length + lines).toBe(1);
      }),
    );
  });

  test("unreadable lines are all counted, and the first five are kept, cut short", ({ expect }) => {
    const bad = Array.from({ length: 8 }, (_, i) => `${i} ${"x".repeat(600)}\n`);
    const { rows, lines, samples } = scan(...bad, line);
    expect(rows).toEqual([aRow()]);
    expect(lines).toBe(8);
    expect(samples.map((sample) => [sample[0], sample.length])).toEqual(
      ["0", "1", "2", "3", "4"].map((first) => [first, 500]),
    );
  });

  test("a line of the longest length is read, and one longer is counted", ({ expect }) => {
    const longest = `${line} labels=`.padEnd(MAX_LINE_BYTES, "x");
    expect(scan(`${longest}\n${line}\n`)).toMatchObject({ rows: [{}, {}], lines: 0 });
    expect(scan(`${longest}x\n${line}\n`)).toMatchObject({ rows: [{}], lines: 1 });
    expect(scan(longest, "x", "\n", `${line}\n`)).toMatchObject({ rows: [{}], lines: 1 });
    expect(scan(longest, longest, longest)).toMatchObject({ rows: [], lines: 1 });
  });
});
