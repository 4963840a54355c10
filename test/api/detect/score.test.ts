import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Baseline } from "../../../api/detect/baseline.ts";
import { binomialTail } from "../../../api/detect/binomial.ts";
import { risenOf, scoreOf, scoresOf } from "../../../api/detect/score.ts";
import type { NodeWindow } from "../../../db/look.ts";
import { atRest } from "../../support/hours.ts";
import { aLook, AT, aWindow, WINDOW_MS, windowsBefore } from "../../support/looks.ts";

const BASELINE: Baseline = { mean: 1_000, deviation: 100, days: 14 };

/** Scores of the counts, one a window. */
const countsScored = (counts: readonly (number | undefined)[]) => {
  const windows = counts.map((count, i) => aWindow(i, { count, takenAt: undefined }));
  return scoresOf(
    "count",
    { window: windows.at(-1) ?? aWindow(), recent: windows.slice(0, -1) },
    BASELINE,
  ).map((score) => score?.score);
};

test.each([
  ["half of it counts at once", [1_800], [4]],
  ["and the rest soon", [1_800, 1_800, 1_800], [4, 6, 7]],
  ["and is forgotten as soon", [1_800, 1_000, 1_000], [4, 2, 1]],
  ["less than usual is as usual", [0, 1_000], [0, 0]],
  ["fifty deviations are the most", [6_000, 6_001, 1e15], [25, 37.5, 43.75]],
  ["what is not known changes nothing", [1_800, undefined, 1_800], [4, undefined, 6]],
])("%s", (_, counts, scores) => {
  expect(countsScored(counts)).toEqual(scores);
});

test("a rate is scored by its logarithm, in windows of any length", () => {
  const usual = { mean: 100, deviation: 0.25, days: 14 };
  const scored = [5_000, 30_000, 300_000].map((ms) => {
    const recent = [aWindow(0, { from: AT - ms, to: AT, opened: ms / 10 })];
    const window = aWindow(0, { to: AT + ms, opened: (ms / 1_000) * (101 * Math.E - 1) });
    return scoresOf("opened", { window, recent }, usual).at(-1)?.score;
  });
  for (const score of scored) expect(score).toBeCloseTo(2);
});

test("a rate after a gap of more than three windows tells nothing, a gauge does", () => {
  const scored = (series: "opened" | "count", gapMs: number) => {
    const recent = [aWindow(0, { from: AT - gapMs - WINDOW_MS, to: AT - gapMs })];
    return scoreOf(series, { window: aWindow(0), recent, hours: atRest() })?.score;
  };
  expect(scored("opened", 3 * WINDOW_MS)).toBe(0);
  expect(scored("opened", 3 * WINDOW_MS + 1)).toBeUndefined();
  expect(scored("count", 3 * WINDOW_MS + 1)).toBe(0);
  expect(scoreOf("opened", { window: aWindow(), recent: [], hours: atRest() })).toBeUndefined();
});

test("its own history counts, else its peers, else nothing", () => {
  const peers = windowsBefore(0, 8, () => ({ count: 40_000 }));
  const meanOf = (look: Parameters<typeof aLook>[1]) =>
    scoreOf("count", aLook(aWindow(), look))?.baseline.mean;
  expect(meanOf({ hours: atRest(), peers })).toBe(20_000);
  expect(meanOf({ hours: [], peers })).toBe(40_000);
  expect(meanOf({})).toBeUndefined();
});

test("a dump that is older than the window scores nothing", () => {
  const window = (takenAt: number | undefined) =>
    aLook(aWindow(0, { takenAt, closeWait: 4_000 }), { hours: atRest() });
  expect(scoreOf("closeWait", window(AT))?.score).toBe(25);
  expect(scoreOf("closeWait", window(AT - 1))).toBeUndefined();
  expect(scoreOf("closeWait", window(undefined))).toBeUndefined();
  expect(scoreOf("halfOpen", window(AT - 1))).toBeUndefined();
  expect(scoreOf("count", window(AT - 1))?.value).toBe(20_000);
});

test("it has risen so much as the least of the ten minutes before tells", () => {
  const recent = windowsBefore(0, 3, (at) => ({ count: 999 - at * 1_000 }));
  expect(risenOf("count", { window: aWindow(0, { count: 3_999 }), recent })).toBe(2);
  expect(risenOf("count", { window: aWindow(), recent: [] })).toBe(1);
  expect(
    risenOf("count", { window: aWindow(0, { count: 0 }), recent: windowsBefore(0, 1, () => ({ count: 0 })) }),
  ).toBe(1);
});

test("a score is never below 0, above 50 or no number", () => {
  const count = fc.option(fc.oneof(fc.nat(1_000_000), fc.maxSafeNat()), { nil: undefined });
  const window = fc.record({ length: fc.integer({ min: 1, max: 300_000 }), count, opened: count });
  fc.assert(
    fc.property(
      fc.array(window, { minLength: 1, maxLength: 8 }),
      fc.constantFrom("count" as const, "opened" as const),
      (given, series) => {
        let from = AT;
        const windows = given.map(({ length, ...some }): NodeWindow => {
          from += length;
          return aWindow(0, { from: from - length, to: from, ...some });
        });
        const look = { window: windows.at(-1) ?? aWindow(), recent: windows.slice(0, -1), hours: atRest() };
        const score = scoreOf(series, look)?.score ?? 0;
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(50);
      },
    ),
    { numRuns: 200 },
  );
});

test.each([
  [10, 0, 1],
  [10, 11, 0],
  [1, 1, 0.005],
  [2, 1, 1 - 0.995 ** 2],
  [10, 10, 0.005 ** 10],
  // Of fifty nodes, five at once are not unlikely enough, six are.
  [50, 5, 5.49e-6],
  [50, 6, 2.056e-7],
])("of %i tries, %i or more come true so often by chance", (tries, least, chance) => {
  const tail = binomialTail(tries, least, 0.005);
  expect(tail).toBeGreaterThanOrEqual(chance * 0.98);
  expect(tail).toBeLessThanOrEqual(chance * 1.02);
});

test("chances of thousands are still numbers", () => {
  expect(binomialTail(10_000, 1_000, 0.005)).toBeGreaterThanOrEqual(0);
  expect(binomialTail(10_000, 1_000, 0.005)).toBeLessThan(1e-300);
  expect(binomialTail(10_000, 1, 0.005)).toBeCloseTo(1);
});
