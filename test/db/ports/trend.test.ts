import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exhaustedAt, HORIZON_MS, MIN_POINTS, perMinute } from "../../../db/ports/trend.ts";
import type { Point } from "../../../db/ports/trend.ts";

const START = 1_763_700_000_000;
const MINUTE_MS = 60_000;

/** Points on a line: so many ports a minute, from the first on. */
const line = (first: number, slope: number, minutes: readonly number[]): Point[] =>
  minutes.map((minute) => [START + minute * MINUTE_MS, first + slope * minute]);

const instants = fc
  .uniqueArray(fc.nat(60), { minLength: MIN_POINTS, maxLength: 10 })
  .map((minutes) => minutes.toSorted((a, b) => a - b));

test("what grows on a line is exhausted when the line says, however the dumps are spread", () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.integer({ min: 1, max: 500 }),
      instants,
      fc.integer({ min: 1, max: 30_000 }),
      (first, slope, minutes, more) => {
        const points = line(first, slope, minutes);
        const available = points.at(-1)![1] + more;
        expect(perMinute(points)).toBeCloseTo(slope, 9);
        const right = START + ((available - first) / slope) * MINUTE_MS;
        const soon = right - points.at(-1)![0] <= HORIZON_MS;
        const told = exhaustedAt(points, available);
        if (soon) expect(Math.abs(told! - right)).toBeLessThanOrEqual(1);
        else expect(told).toBeUndefined();
      },
    ),
    { numRuns: 300 },
  );
});

describe("nothing is said of when ports run out", () => {
  test("where they become fewer, or stay", () => {
    fc.assert(
      fc.property(fc.integer({ min: -500, max: 0 }), instants, (slope, minutes) => {
        expect(exhaustedAt(line(40_000, slope, minutes), 64_512)).toBeUndefined();
      }),
    );
  });

  test("of fewer points than make a trend", () => {
    const points = line(100, 50, [0, 1, 2, 3]);
    expect(perMinute(points.slice(0, MIN_POINTS - 1))).toBeUndefined();
    expect(exhaustedAt(points.slice(0, MIN_POINTS - 1), 1000)).toBeUndefined();
    expect(perMinute(points.slice(0, MIN_POINTS))).toBe(50);
    expect(exhaustedAt(points.slice(0, MIN_POINTS), 1000)).toBe(START + 18 * MINUTE_MS);
    expect([perMinute([]), exhaustedAt([], 10)]).toEqual([undefined, undefined]);
  });

  test("where they have filled up and stay so", () => {
    const used = [89, 538, 621, 613, 611];
    const points = used.map((used, at): Point => [START + (at * MINUTE_MS) / 2, used]);
    expect(perMinute(points)).toBeGreaterThan(50);
    expect(exhaustedAt(points, 64_512)).toBeUndefined();
  });

  test("beyond a day", () => {
    const points = line(0, 1, [0, 1, 2]);
    const minutes = HORIZON_MS / MINUTE_MS;
    expect(exhaustedAt(points, 2 + minutes)).toBe(START + (2 + minutes) * MINUTE_MS);
    expect(exhaustedAt(points, 3 + minutes)).toBeUndefined();
  });
});

test("where none is left, that was so when it was seen", () => {
  for (const used of [64_512, 64_513]) expect(exhaustedAt([[START, used]], 64_512)).toBe(START);
  expect(exhaustedAt([[START, 64_511]], 64_512)).toBeUndefined();
});

test("where they become more slowly of late, they go on so", () => {
  const points = [...line(0, 1000, [0, 1, 2]), ...line(3_000, 0, [3, 4]), ...line(2_950, 10, [5, 6, 7])];
  expect(exhaustedAt(points, 3_120)).toBe(START + 17 * MINUTE_MS);
});

test("one burst that is over moves the trend of the others by nothing", () => {
  const points = line(100, 10, [0, 1, 2, 3, 4, 5, 6, 7]);
  points[3] = [points[3]![0], 5_000];
  expect(perMinute(points)).toBe(10);
});
