import { test } from "vitest";
import { urgency } from "../../api/judge/urgent.ts";
import { aMinute } from "../support/judged.ts";

const MINUTES_HOT = 10;

test("a report is urgent where its numbers say that something begins, and for ten minutes after", ({
  expect,
}) => {
  const isUrgent = urgency();
  const fills = [0.05, 0.05, ...Array.from({ length: 26 }, () => 0.95)];
  const urgent = fills.map((fill, at) => isUrgent(aMinute("a", at, fill)));
  const begin = 2;
  const over = begin + MINUTES_HOT + 1;
  expect(urgent.slice(begin, over)).toEqual(Array.from({ length: over - begin }, () => true));
  expect(urgent.at(-1)).toBe(false);
});

test("what is late is not urgent, nor what passes no gate", ({ expect }) => {
  const isUrgent = urgency();
  const full = aMinute("a", 0, 0.95);
  expect(isUrgent({ ...full, receivedAt: full.to + 600_001 })).toBe(false);
  expect(isUrgent({ ...full, receivedAt: full.to + 600_000 })).toBe(true);
});

test("what comes as late as the one before it comes from a slow clock, and is urgent", ({ expect }) => {
  const isUrgent = urgency();
  const late = (at: number, ms: number) => {
    const full = aMinute("a", at, 0.95);
    return isUrgent({ ...full, receivedAt: full.to + ms });
  };
  expect([late(0, 700_000), late(1, 701_000), late(2, 698_000)]).toEqual([false, true, true]);
  // What was held up comes all at once.
  expect([late(3, 900_000), late(4, 840_000), late(5, 780_000)]).toEqual([false, false, false]);
});

test("nodes that were heard least lately are forgotten first", ({ expect }) => {
  const isUrgent = urgency(2);
  const judged = (node: string, at: number) => isUrgent(aMinute(node, at, 0.95));
  for (const node of ["a", "b"]) expect(judged(node, 0)).toBe(true);
  expect(judged("a", 30)).toBe(false);
  expect(judged("c", 30)).toBe(true);
  expect(judged("a", 31)).toBe(false);
  expect(judged("b", 31)).toBe(true);
});
