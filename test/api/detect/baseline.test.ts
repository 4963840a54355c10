import * as fc from "fast-check";
import { expect, test } from "vitest";
import { baselineAt, peerBaseline } from "../../../api/detect/baseline.ts";
import type { Series } from "../../../api/detect/series.ts";
import type { Slot } from "../../../db/look.ts";
import { DAY_MS, HOUR_MS, hoursAround } from "../../support/hours.ts";
import { aSlot, AT, aWindow } from "../../support/looks.ts";

/** Half past four: the centre of an hour. */
const CENTRE = Math.floor(AT / HOUR_MS) * HOUR_MS + HOUR_MS / 2;

/** Counts of the days before, yesterday first; each the same at all hours. */
const daysOf = (counts: readonly number[], at = CENTRE): Slot[] =>
  hoursAround(at, counts.length, (age) => {
    const count = counts[age - 1];
    return count === undefined ? {} : { gauges: { count } };
  });

const countAt = (hours: readonly Slot[], at = CENTRE) => baselineAt("count", hours, at);

test("nothing is usual before a day has passed", () => {
  const today = hoursAround(CENTRE, 0, () => ({ gauges: { count: 20_000 } }));
  expect(today.length).toBeGreaterThan(0);
  expect(countAt(today)).toBeUndefined();
  expect(countAt([])).toBeUndefined();
  expect(countAt(daysOf([20_000]))).toMatchObject({ mean: 20_000, days: 1 });
});

test("between the centres of two hours lies what is between them", () => {
  const hour = (ahead: number, count: number) =>
    aSlot(CENTRE - HOUR_MS / 2 - DAY_MS + ahead * HOUR_MS, HOUR_MS, { gauges: { count } });
  const hours = [hour(0, 10_000), hour(1, 30_000)];
  const means = [0, 0.25, 0.5, 1].map((part) => countAt(hours, CENTRE + part * HOUR_MS)?.mean);
  expect(means).toEqual([10_000, 15_000, 20_000, 30_000]);
});

test("one hour alone tells of what is nearer to its centre than to the next", () => {
  const hours = [
    aSlot(CENTRE - HOUR_MS / 2 - DAY_MS, HOUR_MS, { gauges: { count: 10_000 } }),
    // Not known.
    aSlot(CENTRE + HOUR_MS / 2 - DAY_MS, HOUR_MS),
  ];
  expect(countAt(hours, CENTRE + HOUR_MS / 2)?.mean).toBe(10_000);
  expect(countAt(hours, CENTRE + HOUR_MS / 2 + 1)).toBeUndefined();
  expect(countAt(hours, CENTRE - HOUR_MS / 2)).toBeUndefined();
  expect(countAt(hours, CENTRE - HOUR_MS / 2 + 1)?.mean).toBe(10_000);
});

test("an hour of which less than a quarter is covered tells nothing", () => {
  const covered = (coveredMs: number) =>
    countAt(hoursAround(CENTRE, 2, () => ({ coveredMs, gauges: { count: 20_000 } })));
  expect(covered(HOUR_MS / 4)).toMatchObject({ days: 2 });
  expect(covered(HOUR_MS / 4 - 1)).toBeUndefined();
});

test.each([
  ["one incident is not usual", [100_000, ...Array<number>(13).fill(20_000)], 20_000],
  ["what went up and stayed is", [40_000, 50_000, ...Array<number>(12).fill(20_000)], 40_000],
  [
    "nor is an incident on two days apart",
    [40_000, 20_000, 50_000, ...Array<number>(11).fill(20_000)],
    20_000,
  ],
  [
    "a day of the week is, that was so twice",
    Array.from({ length: 14 }, (_, i) => (i === 6 || i === 13 ? 45_000 + i : 20_000)),
    45_006,
  ],
  [
    "once tells nothing of a day of the week",
    Array.from({ length: 14 }, (_, i) => (i === 6 ? 45_000 : 20_000)),
    20_000,
  ],
  ["a week is not known: the busiest day is usual", [10_000, 10_000, 20_000], 20_000],
  ["but an incident is not", [10_000, 10_000, 90_000], 25_000],
  ["a week is known by its seventh day", [10_000, 10_000, 20_000, 10_000, 10_000, 10_000, 10_000], 10_000],
])("%s", (_, counts, mean) => {
  expect(countAt(daysOf(counts))?.mean).toBe(mean);
});

test("a working day after a weekend is as usual as the weekdays of the weeks before", () => {
  // Monday: yesterday and the day before were at half.
  const week = Array.from({ length: 14 }, (_, i) => (i % 7 < 2 ? 10_000 : 20_000));
  const { mean, deviation } = countAt(daysOf(week)) ?? { mean: 0, deviation: 0 };
  expect(mean).toBe(20_000);
  expect(deviation).toBeLessThan(1_500);
});

test.each([
  ["two parts in a hundred of the mean", 20_000, 400],
  ["or so many entries", 12_000, 250],
  ["at a table that was empty too", 0, 250],
])("a deviation is at least %s", (_, count, deviation) => {
  expect(countAt(daysOf(Array<number>(14).fill(count)))?.deviation).toBe(deviation);
});

test("deviations within the hour and between days add up, and few days widen them", () => {
  const of = (days: number, spread: number) =>
    countAt(
      hoursAround(CENTRE, days, (age) => {
        const mean = 20_000 + (age % 2 === 0 ? -1_000 : 1_000);
        return { gauges: { count: { min: mean - spread / 2, max: mean + spread / 2, mean, last: mean } } };
      }),
    )?.deviation;
  // A range of five thousand is a deviation of one thousand; that of the days is as large.
  expect(of(14, 5_000)).toBeCloseTo(Math.SQRT2 * 1_000 * (1 + 2 / 14));
  expect(of(14, 0)).toBeCloseTo(1_000 * (1 + 2 / 14));
  expect(of(2, 0)).toBeCloseTo(1_000 * 2);
});

test("rates are compared by their logarithm, over the time that is covered", () => {
  const hours = hoursAround(CENTRE, 14, () => ({ coveredMs: HOUR_MS / 2, counts: { opened: 180_000 } }));
  const { mean, deviation } = baselineAt("opened", hours, CENTRE) ?? { mean: 0, deviation: 0 };
  expect(mean).toBeCloseTo(100);
  expect(deviation).toBe(0.25);
});

test("half-open is what is unreplied or half agreed", () => {
  const hours = hoursAround(CENTRE, 14, () => ({ gauges: { unreplied: 900, synRecv: 100 } }));
  expect(baselineAt("halfOpen", hours, CENTRE)?.mean).toBe(1_000);
});

test("eight other nodes tell what is usual, seven do not", () => {
  const peers = (count: number) =>
    Array.from({ length: count }, (_, i) => aWindow(0, { nodeId: 2 + i, count: 10_000 + i * 1_000 }));
  expect(peerBaseline("count", peers(7))).toBeUndefined();
  expect(peerBaseline("count", peers(8))).toEqual({ mean: 13_500, deviation: 3_375, days: 0 });
  // Those that do not know it do not count.
  const blind = aWindow(0, { count: undefined, entries: undefined });
  expect(peerBaseline("count", [...peers(7), blind])).toBeUndefined();
});

const SERIES: readonly Series[] = ["count", "opened", "halfOpen", "closeWait", "invalid", "insertFailed"];
const amount = fc.oneof(fc.nat(1_000_000), fc.maxSafeNat());
const anySlot = fc
  .record({
    hour: fc.integer({ min: -20 * 24, max: 1 }),
    covered: fc.nat(HOUR_MS),
    amounts: fc.array(amount, { minLength: 7, maxLength: 7 }),
  })
  .map(
    ({
      hour,
      covered,
      amounts: [a = 0, b = 0, c = 0, opened = 0, invalid = 0, insertFailed = 0, unreplied = 0],
    }) => {
      const [min = 0, mean = 0, max = 0] = [a, b, c].toSorted((one, other) => one - other);
      return aSlot(CENTRE - HOUR_MS / 2 + hour * HOUR_MS, HOUR_MS, {
        coveredMs: covered,
        gauges: { count: { min, mean, max, last: mean }, unreplied, closeWait: a },
        counts: { opened, invalid, insertFailed },
      });
    },
  );
const distinct = { selector: ({ start }: Slot) => start, maxLength: 40 };

test("a baseline is a number, whatever the order of the hours", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anySlot, distinct),
      fc.constantFrom(...SERIES),
      fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
      (hours, series, off) => {
        const baseline = baselineAt(series, hours, CENTRE + off);
        expect(baselineAt(series, hours.toReversed(), CENTRE + off)).toEqual(baseline);
        if (!baseline) return;
        expect(baseline.mean).toBeGreaterThanOrEqual(0);
        expect(baseline.mean).toBeLessThan(Infinity);
        expect(baseline.deviation).toBeGreaterThan(0);
        expect(baseline.deviation).toBeLessThan(Infinity);
      },
    ),
    { numRuns: 200 },
  );
});

test("whatever one day was like, what is usual hardly moves", () => {
  const days = fc.array(fc.integer({ min: 18_000, max: 22_000 }), { minLength: 14, maxLength: 14 });
  fc.assert(
    fc.property(days, fc.nat(13), amount, (counts, day, incident) => {
      const before = countAt(daysOf(counts)) ?? { mean: 0, deviation: 0 };
      const after = countAt(daysOf(counts.with(day, incident))) ?? { mean: 0, deviation: 0 };
      expect(Math.abs(after.mean - before.mean)).toBeLessThanOrEqual(4_000);
      // Clipped at four robust deviations, of which half the days make up none.
      expect(after.deviation).toBeLessThan(before.deviation + 4 * 1.5 * 4_000);
    }),
    { numRuns: 200 },
  );
});
