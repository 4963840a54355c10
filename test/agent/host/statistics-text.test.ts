import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { test } from "vitest";
import { MAX_CPUS, parseStatistics } from "../../../agent/host/statistics-text.ts";

const read = (kernel: string) => readFile(join(import.meta.dirname, `kernels/stat-${kernel}.txt`), "utf8");

const live = {
  found: 0x32,
  invalid: 3,
  insert: 1,
  insertFailed: 2,
  drop: 4,
  earlyDrop: 1,
  error: 9,
};
const expectations = { expectNew: 0, expectCreate: 0, expectDelete: 0 };

test.for([
  ["2.6.34", { ...live, expectNew: 10, expectCreate: 11, expectDelete: 12 }],
  ["4.19", { ...live, expectNew: 10, expectCreate: 11, expectDelete: 12, searchRestart: 16 }],
  ["5.4", { ...live, ...expectations, searchRestart: 16 }],
  ["5.10", { ...live, ...expectations, searchRestart: 16, clashResolve: 7 }],
  ["5.15", { ...live, ...expectations, searchRestart: 16, clashResolve: 7, chainTooLong: 6 }],
] as const)(
  "the columns of Linux %s are read by what they mean there",
  async ([kernel, cpu0], { expect }) => {
    const statistics = parseStatistics(await read(kernel));
    expect([...(statistics?.keys() ?? [])]).toEqual([0, 1]);
    expect(statistics?.get(0)).toEqual(cpu0);
  },
);

test("rows of Linux 6.18, as it printed them, are kept apart by CPU", async ({ expect }) => {
  const statistics = parseStatistics(await read("6.18"));
  expect(statistics?.get(0)).toMatchObject({ invalid: 0, error: 0 });
  expect(statistics?.get(1)).toMatchObject({ invalid: 0x12, error: 5 });
});

test("a column that a later kernel adds or renames does not move the others", ({ expect }) => {
  expect(parseStatistics("entries  novel drop\n00000001  000000ff 0000000a\n")?.get(0)).toEqual({ drop: 10 });
});

test.for([
  ["nothing", ""],
  ["another file", "Inter-|   Receive\n"],
  ["a row that is cut short", "entries found drop\n00000001 00000002\n"],
  ["a value that is no number", "entries found\n00000001 0000000g\n"],
  ["a value of more than 32 bits", "entries found\n00000001 100000000\n"],
] as const)("%s gives no statistics", ([, text], { expect }) => {
  expect(parseStatistics(text)).toBeUndefined();
});

test.for([
  [MAX_CPUS, true],
  [MAX_CPUS + 1, false],
] as const)("of %i rows, statistics are made: %s", ([rows, made], { expect }) => {
  const text = `entries found\n${"00000000 00000001\n".repeat(rows)}`;
  expect(parseStatistics(text)?.size === rows).toBe(made);
});

test("no damage to the text makes it throw, and what it reads are 32-bit counters", async ({ expect }) => {
  const whole = await read("6.18");
  const damage = fc.tuple(
    fc.nat(whole.length),
    fc.nat(20),
    fc.oneof(fc.string(), fc.constantFrom(" 0", "\n", "f")),
  );
  fc.assert(
    fc.property(damage, ([at, length, instead]) => {
      const statistics = parseStatistics(whole.slice(0, at) + instead + whole.slice(at + length));
      const values = [...(statistics?.values() ?? [])].flatMap((counters) => Object.values(counters));
      expect(values.every(isCounter)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

const isCounter = (value: number) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;
