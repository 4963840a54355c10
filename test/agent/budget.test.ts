import { test } from "vitest";
import { DumpBudget } from "../../agent/budget.ts";

const SHARE = 0.02;
const budget = (cpuMs = 600) => {
  const budget = new DumpBudget(SHARE);
  dump(budget, 0, cpuMs);
  return budget;
};
const dump = (budget: DumpBudget, at: number, cpuMs = 600) => {
  budget.begin();
  budget.record({ at, cpuMs, entries: 100_000 });
};

test("the first dump is always due", ({ expect }) => {
  expect(new DumpBudget(SHARE).isDue(0, undefined)).toBe(true);
});

test("a dump is due again once its cost is within the share of what has passed", ({ expect }) => {
  expect(budget().isDue(29_999, 100_000)).toBe(false);
  expect(budget().isDue(30_000, 100_000)).toBe(true);
});

test("a small table is due in every window", ({ expect }) => {
  expect(budget(20).isDue(5_000, 1_000)).toBe(true);
});

test("a table that grew is judged by what it holds now, one that shrank by what it cost", ({ expect }) => {
  expect(budget().isDue(30_000, 200_000)).toBe(false);
  expect(budget().isDue(60_000, 200_000)).toBe(true);
  expect(budget().isDue(29_999, 10)).toBe(false);
  expect(budget().isDue(30_000, undefined)).toBe(true);
});

test("an empty table is nothing to judge a full one by", ({ expect }) => {
  const empty = new DumpBudget(SHARE);
  empty.record({ at: 0, cpuMs: 2, entries: 0 });
  expect(empty.isDue(30_000, 262_144)).toBe(true);
});

test("a loss is repaired by one dump, and a loss that goes on does not make a loop of dumps", ({
  expect,
}) => {
  const lossy = budget();
  lossy.lost();
  expect(lossy.isDue(1_000, 100_000)).toBe(true);
  dump(lossy, 1_000);
  lossy.lost();
  expect(lossy.isDue(6_000, 100_000)).toBe(false);
  expect(lossy.isDue(31_000, 100_000)).toBe(true);
});

test("once a window passed without loss, the next loss is repaired at once again", ({ expect }) => {
  const lossy = budget();
  lossy.lost();
  dump(lossy, 1_000);
  dump(lossy, 31_000);
  lossy.lost();
  expect(lossy.isDue(32_000, 100_000)).toBe(true);
});

test("a clock set back does not put dumps off", ({ expect }) => {
  expect(budget().isDue(-3_600_000, 100_000)).toBe(true);
});

test("what is lost while a dump runs is not repaired by it", ({ expect }) => {
  const lossy = budget();
  lossy.begin();
  lossy.lost();
  lossy.record({ at: 31_000, cpuMs: 600, entries: 100_000 });
  expect(lossy.isDue(32_000, 100_000)).toBe(true);
});
