import { describe, expect, test } from "vitest";
import { HORIZON_MS } from "../../../api/detect/time-to-full.ts";
import type { Look, NodeWindow, Slot } from "../../../db/look.ts";
import { hoursAround } from "../../support/hours.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import {
  aLook,
  aParty,
  aPartyRow,
  aSlot,
  AT,
  aWindow,
  someFlows,
  windowsBefore,
} from "../../support/looks.ts";

const HOUR_MS = 3_600_000;
const TEN_MS = 600_000;
const TO = AT + 30_000;
/** Of 100,000 entries; 95,000 are full. */
const MAX = 100_000;

/** How many entries there are at a time of which 0 is now, in hours. */
type Course = (hour: number) => number;
type Some = { hours?: readonly Slot[]; look?: Partial<Look>; since?: number; window?: Partial<NodeWindow> };

/** Six hours of such a course, or those since a time. */
function lookOf(course: Course, { hours, look, since = -6, window: some }: Some = {}): Look {
  const at = (ms: number) => Math.round(course((ms - TO) / HOUR_MS));
  const start = Math.floor((TO - 6 * HOUR_MS) / TEN_MS) * TEN_MS;
  const trend = Array.from({ length: 37 }, (_, i) => start + i * TEN_MS)
    .filter((from) => from < TO && from >= TO + since * HOUR_MS)
    .map((from) => {
      const end = Math.min(from + TEN_MS, TO);
      return aSlot(from, TEN_MS, { coveredMs: end - from, gauges: { count: at((from + end) / 2) } });
    });
  const window = aWindow(0, { count: at(TO), max: MAX, ...some });
  const recent = windowsBefore(0, 20, (number) => ({ count: at(TO + number * 30_000), max: MAX }));
  return aLook(window, { recent, trend, hours: hours ?? [], ...look });
}
const said = (course: Course, some: Some = {}, open?: "critical") =>
  verdictOf(judged("time-to-full", lookOf(course, some), [], { open: open ? { "node-1": open } : {} }));
const finding = (look: Look) => judged("time-to-full", look)[0]?.finding;

/** 50,000 now, and 45,000 to go, so many an hour. */
const leak =
  (perHour: number): Course =>
  (hour) =>
    50_000 + perHour * hour;

test.each([
  [0, "clear"],
  [-5_000, "clear"],
  [3_600, "clear"],
  [3_900, "between"],
  [7_300, "between"],
  [7_700, "warning"],
])("%i more an hour is %s: full within six hours warns, and after twelve all is well", (perHour, verdict) => {
  expect(said(leak(perHour))).toBe(verdict);
});

test.each([
  // 10,000 are left.
  [9_500, "warning"],
  [10_500, "critical"],
])("%i more an hour is %s where an hour is left", (perHour, verdict) => {
  expect(said((hour) => 85_000 + perHour * hour)).toBe(verdict);
});

test("what is critical stays so until there are two hours", () => {
  const course =
    (perHour: number): Course =>
    (hour) =>
      85_000 + perHour * hour;
  expect(said(course(5_200), {}, "critical")).toBe("critical");
  expect(said(course(4_800), {}, "critical")).toBe("warning");
});

test("a table less than 35 % full is not looked at", () => {
  expect(said((hour) => 34_999 + 8_000 * hour)).toBe("clear");
  expect(gateOf("time-to-full", aWindow(0, { count: 34_999, max: MAX }))).toBeUndefined();
  expect(gateOf("time-to-full", aWindow(0, { count: 35_000, max: MAX }))).toEqual({
    trend: true,
    hours: true,
  });
});

describe("what does not go on is no growth", () => {
  test.each<[string, Course]>([
    ["a leap just now", (hour) => (hour > -0.05 ? 70_000 : 45_000)],
    ["half an hour ago", (hour) => (hour > -0.5 ? 70_000 : 45_000)],
    ["an hour ago", (hour) => (hour > -1 ? 70_000 : 45_000)],
    ["two hours ago", (hour) => (hour > -2 ? 70_000 : 45_000)],
    ["a burst of a quarter of an hour", (hour) => (hour > -0.25 ? 45_000 + 100_000 * (hour + 0.25) : 45_000)],
    ["a burst an hour ago", (hour) => (hour > -1.2 && hour < -0.9 ? 80_000 : 45_000)],
    [
      "a table that filled again after it was emptied",
      (hour) => (hour > -0.5 ? 20_000 + 40_000 * (hour + 0.5) * 2 : 60_000),
    ],
    ["a wave of an hour", (hour) => 60_000 + 10_000 * Math.sin(hour * 2 * Math.PI)],
    ["a fall that ended", (hour) => (hour > -0.5 ? 50_000 : 50_000 - 20_000 * (hour + 0.5))],
  ])("%s", (_, course) => {
    expect(said(course)).not.toMatch(/warning|critical/);
  });
});

describe("a rise that is usual at this time of day", () => {
  /** So many more each hour, around the same time of all earlier days: 10,000 fewer than now. */
  const usually = (days: number, perHour = 8_000) =>
    hoursAround(TO, days, (age, start) => ({
      gauges: { count: 40_000 + (perHour * (start + HOUR_MS / 2 - (TO - age * 24 * HOUR_MS))) / HOUR_MS },
    }));

  test("is none that needs anybody, once it is known of five days", () => {
    expect(said(leak(8_000), { hours: usually(4) })).toBe("warning");
    expect(said(leak(8_000), { hours: usually(5) })).toBe("clear");
    expect(finding(lookOf(leak(8_000), { hours: usually(5) }))).toMatchObject({
      facts: { perHour: 8_000, usualPerHour: 8_000 },
    });
  });

  test("hides no leak beside it", () => {
    // 45,000 are left: 8 hours of 5,625 an hour.
    expect(said(leak(8_000 + 5_500), { hours: usually(14) })).toBe("between");
    expect(said(leak(8_000 + 5_750), { hours: usually(14) })).toBe("warning");
  });

  test("makes it known what is not usual: then eight hours warn, and sixteen are well", () => {
    const flat = { hours: usually(14, 0) };
    expect(said(leak(5_750), flat)).toBe("warning");
    expect(said(leak(5_500), flat)).toBe("between");
    expect(said(leak(2_900), flat)).toBe("between");
    expect(said(leak(2_700), flat)).toBe("clear");
    expect(said(leak(5_750))).toBe("between");
  });

  test("ends no leak by its fall: while less falls than usually, something grows", () => {
    const falls = { hours: usually(14, -20_000) };
    expect(said(leak(-10_000), falls)).toBe("between");
    expect(said(leak(-20_000), falls)).toBe("clear");
    expect(said(leak(-10_000))).toBe("clear");
  });

  test("nor does a usual fall make a leak of what stays as it is", () => {
    expect(said(leak(0), { hours: usually(14, -20_000) })).not.toMatch(/warning|critical/);
    expect(said(leak(7_700), { hours: usually(14, -20_000) })).toBe("warning");
  });
});

describe("growing back to what is usual", () => {
  /** So many entries all day: a deviation is 1,000. */
  const usually = (count: number, days = 14) => hoursAround(TO, days, () => ({ gauges: { count } }));

  test("warns nobody up to two deviations more, where that is known of five days", () => {
    expect(said(leak(8_000), { hours: usually(48_600) })).toBe("between");
    expect(said(leak(8_000), { hours: usually(46_000) })).toBe("warning");
    expect(said(leak(8_000), { hours: usually(60_000) })).toBe("between");
    expect(said(leak(8_000), { hours: usually(60_000, 4) })).toBe("warning");
  });

  test("is critical where an hour is left", () => {
    expect(said(leak(50_000), { hours: usually(60_000) })).toBe("critical");
  });
});

test("of half of the hours, at least, something must be known", () => {
  expect(said(leak(10_000), { since: -2.2 })).toBe("warning");
  expect(said(leak(10_000), { since: -1.8 })).toBe("unknown");
});

test.each<[string, Partial<Look>]>([
  ["no trend", { trend: undefined }],
  ["no count", { window: aWindow(0, { count: undefined, entries: undefined }) }],
  ["no limit", { window: aWindow(0, { max: undefined }) }],
])("nothing is said where there is %s", (_, look) => {
  expect(said(leak(20_000), { look })).toBe("unknown");
});

test("entries of dumps stand in for counts", () => {
  const look = lookOf(leak(10_000));
  const trend = look.trend?.map((slot) => ({ ...slot, gauges: { entries: slot.gauges.count } }) as Slot);
  const window = { ...look.window, count: undefined, entries: 50_000 };
  expect(finding(aLook(window, { recent: [], trend }))).toMatchObject({ severity: "warning" });
});

test("a table that is full has no time left, one that does not grow has all", () => {
  expect(finding(lookOf((hour) => 96_000 + 4_000 * hour))).toMatchObject({ severity: "critical", value: 0 });
  expect(finding(lookOf(() => 96_000))).toMatchObject({ verdict: "clear", value: HORIZON_MS });
});

test("those who grew since yesterday are named, or who has most", () => {
  const named = (medians: (number | undefined)[]) => {
    const window = aWindow();
    const parties = medians.map((dayMedian, i) =>
      aPartyRow(aParty(`pod-${i}`), { entries: 10_000 - i * 1_000, dayMedian }),
    );
    const said = finding(lookOf(leak(10_000), { look: { flows: someFlows(window, { parties }) } }));
    return said && "contributors" in said
      ? said.contributors?.map(({ party, value }) => `${party.name} ${value}`)
      : [];
  };
  expect(named([9_900, 2_000, undefined])).toEqual(["pod-1 7000", "pod-0 100"]);
  expect(named([undefined, undefined])).toEqual(["pod-0 10000", "pod-1 9000"]);
  expect(named([10_000, 9_500])).toEqual(["pod-0 10000", "pod-1 9000"]);
});
