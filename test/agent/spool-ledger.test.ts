import * as fc from "fast-check";
import { test } from "vitest";
import { type Dropped, MAX_DROPPED } from "../../api/wire.ts";
import { BLOCK, Ledger, MAX_DECLARED, MAX_RANGES, parseState } from "../../agent/spool/ledger.ts";
import { identityOf, nameOf } from "../../agent/spool/name.ts";
import { addRange, atMost, withoutRange } from "../../agent/spool/ranges.ts";
import { BOOT, declared } from "../support/spools.ts";

const range = fc
  .record({
    bootId: fc.constantFrom("a", "b"),
    from: fc.nat(40),
    length: fc.nat(5),
    reason: fc.constantFrom("age" as const, "size" as const),
  })
  .map(({ length, ...rest }): Dropped => ({ ...rest, to: rest.from + length }));

const numbersOf = (ranges: readonly Dropped[]) =>
  ranges.flatMap(({ bootId, from, to, reason }) =>
    Array.from({ length: to - from + 1 }, (_, i) => [`${bootId}${from + i}`, reason] as const),
  );

test("neighbours of one reason and boot are joined, others not", ({ expect }) => {
  const joined = [5, 7, 6, 8].reduce<Dropped[]>((ranges, n) => addRange(ranges, declared("age", n)), []);
  expect(joined).toEqual([declared("age", 5, 8)]);
  expect(addRange(joined, declared("size", 9))).toEqual([declared("age", 5, 8), declared("size", 9)]);
  expect(addRange(joined, { ...declared("age", 9), bootId: "z" })).toHaveLength(2);
  expect(withoutRange(joined, declared("age", 6, 7))).toEqual([declared("age", 5), declared("age", 8)]);
});

test("ranges hold the numbers that were added and not taken, each once, the last reason counting", ({
  expect,
}) => {
  const steps = fc.array(fc.tuple(fc.boolean(), range), { maxLength: 20 });
  fc.assert(
    fc.property(steps, (steps) => {
      const model = new Map<string, string>();
      let ranges: Dropped[] = [];
      for (const [add, one] of steps) {
        ranges = add ? addRange(ranges, one) : withoutRange(ranges, one);
        for (const [number, reason] of numbersOf([one]))
          if (add) model.set(number, reason);
          else model.delete(number);
      }
      const numbers = numbersOf(ranges);
      expect(numbers).toHaveLength(model.size);
      expect(new Map(numbers)).toEqual(model);
    }),
  );
});

test("too many ranges are joined over the smallest gaps, and lose no number", ({ expect }) => {
  const many = [1, 3, 10, 12, 13, 30].map((n) => declared(n === 13 ? "size" : "age", n));
  expect(atMost(many, 6)).toEqual(many);
  expect(atMost(many, 4)).toEqual([
    declared("age", 1, 3),
    declared("age", 10),
    declared("age", 12, 13),
    declared("age", 30),
  ]);
  const boots = ["a", "b"].map((bootId) => ({ ...declared("age", 1), bootId }));
  expect(atMost(boots, 1)).toEqual(boots);
});

test("a ledger at its bound joins, and one report declares what the wire takes", ({ expect }) => {
  const ledger = new Ledger(0);
  for (let i = 0; i < MAX_RANGES; i += 1) ledger.lose(declared("age", 3 * i));
  expect(ledger.size).toBe(MAX_RANGES);
  ledger.lose(declared("age", 3 * MAX_RANGES));
  expect([ledger.size, ledger.declarations.length]).toEqual([MAX_RANGES, MAX_DROPPED]);
  expect(MAX_DECLARED).toBe(MAX_DROPPED);
  ledger.forget(declared("age", 0, 3 * 64));
  expect(ledger.declarations[0]!.from).toBe(3 * 65);
});

test("numbers start at the clock, and after a restart above all that may have been used", async ({
  expect,
}) => {
  let text = "";
  const save = async (state: string) => void (text = state);
  const first = new Ledger(1_000);
  await first.save(save);
  expect([first.draw(), first.draw()]).toEqual([1_000, 1_001]);
  const clockSetBack = new Ledger(5);
  clockSetBack.adopt(parseState(text)!, 900);
  expect(clockSetBack.draw()).toBe(1_000 + BLOCK);
  const withoutState = new Ledger(5);
  withoutState.adopt({ reserved: 0, dropped: [] }, 900);
  expect(withoutState.draw()).toBe(901);
});

test("a ledger is saved when numbers run out or losses change, not with each number", async ({ expect }) => {
  const ledger = new Ledger(0);
  let saves = 0;
  const save = async () => void (saves += 1);
  for (let i = 0; i <= BLOCK; i += 1) {
    if (ledger.exhausted) await ledger.save(save);
    ledger.draw();
  }
  expect(saves).toBe(2);
  await ledger.save(save);
  ledger.lose(declared("size", 1));
  await ledger.save(save);
  expect(saves).toBe(3);
});

test.for([
  "",
  "null",
  "{}",
  '{"reserved":1.5,"dropped":[]}',
  '{"reserved":1,"dropped":[{}]}',
  `{"reserved":1,"dropped":[{"bootId":"","from":1,"to":1,"reason":"age"}]}`,
  `{"reserved":1,"dropped":[{"bootId":"b","from":2,"to":1,"reason":"age"}]}`,
  `{"reserved":1,"dropped":[{"bootId":"b","from":-1,"to":1,"reason":"age"}]}`,
  `{"reserved":1,"dropped":[{"bootId":"b","from":1,"to":1,"reason":"bored"}]}`,
])("the state %j is damaged", (text, { expect }) => {
  expect(parseState(text)).toBeUndefined();
});

test("a name says which report its file holds", ({ expect }) => {
  expect(nameOf({ bootId: BOOT, sequence: 17, encoding: "zstd" })).toBe(`0000000000000017-${BOOT}.zst`);
  const identity = fc.record({
    bootId: fc.string({ minLength: 1, unit: "grapheme" }),
    sequence: fc.nat({ max: 8.64e15 }),
    encoding: fc.constantFrom("zstd" as const, "gzip" as const),
  });
  fc.assert(
    fc.property(identity, (identity) => {
      const name = nameOf(identity);
      expect(identityOf(name)).toEqual(identity);
      expect(name).not.toContain("/");
    }),
  );
});

test.for([
  "",
  "state.json",
  "17-boot.zst",
  "0000000000000017-.zst",
  "0000000000000017-boot.txt",
  "0000000000000017-boot.zst.tmp",
  "0000000000000017-a b.zst",
  "0000000000000017-%zz.zst",
  "8640000000000001-boot.zst",
])("%j is not the name of a report", (name, { expect }) => {
  expect(identityOf(name)).toBeUndefined();
});
