import * as fc from "fast-check";
import { test } from "vitest";
import { formatTime, parseTime } from "../../api/cli/time.ts";

/** A Saturday, 12:00 in UTC and 13:00 in Paris. */
const NOW = Date.UTC(2026, 10, 21, 12);
const utc = { now: NOW, timeZone: "UTC" };
const paris = { now: NOW, timeZone: "Europe/Paris" };
const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

test.for([
  ["10m", "2026-11-21T11:50:00.000Z"],
  ["90s ago", "2026-11-21T11:58:30.000Z"],
  ["2d", "2026-11-19T12:00:00.000Z"],
  ["0s", "2026-11-21T12:00:00.000Z"],
  ["11:30", "2026-11-21T11:30:00.000Z"],
  ["12:00:00", "2026-11-21T12:00:00.000Z"],
  ["12:00:01", "2026-11-20T12:00:01.000Z"],
  ["9:05", "2026-11-21T09:05:00.000Z"],
  ["2026-11-20 23:59:59", "2026-11-20T23:59:59.000Z"],
  ["2026-11-20T23:59", "2026-11-20T23:59:00.000Z"],
  ["2026-11-20T23:59:59.5", "2026-11-20T23:59:59.500Z"],
  ["2026-11-20 23:59:59,123", "2026-11-20T23:59:59.123Z"],
  ["2026-11-20T23:59:59Z", "2026-11-20T23:59:59.000Z"],
  ["2026-11-20 23:59:59 +05:30", "2026-11-20T18:29:59.000Z"],
  ["2026-11-20t23:59:59.25-08:00", undefined],
  ["2026-11-20T23:59:59.25-08:00", "2026-11-21T07:59:59.250Z"],
  ["now", "2026-11-21T12:00:00.000Z"],
  ["2026-11-21", "2026-11-21T00:00:00.000Z"],
  ["1795262400", "2026-11-21T12:00:00.000Z"],
  ["1795262400123", "2026-11-21T12:00:00.123Z"],
] as const)("%s is %s", ([text, expected], { expect }) => {
  expect(iso(parseTime(text, utc))).toBe(expected);
});

test.for([
  "",
  "yesterday",
  "24:00",
  "12:60",
  "2026-02-29 12:00",
  "2026-13-01 12:00",
  "2026-02-29",
  "2026-11-21 12",
  "10 m",
  "-5m",
  "2026-11-20 23:59:61Z",
  "1e3",
])("%j is no time", (text, { expect }) => {
  expect(parseTime(text, utc)).toBeUndefined();
});

test("without a zone a time is the clock's, and the last there was", ({ expect }) => {
  expect(iso(parseTime("2026-07-01 12:00", paris))).toBe("2026-07-01T10:00:00.000Z");
  expect(iso(parseTime("2026-07-01", paris))).toBe("2026-06-30T22:00:00.000Z");
  expect(iso(parseTime("12:59", paris))).toBe("2026-11-21T11:59:00.000Z");
  expect(iso(parseTime("13:01", paris))).toBe("2026-11-20T12:01:00.000Z");
  // In the morning after the clocks went forward, the evening before was another offset.
  const spring = { now: Date.UTC(2026, 2, 29, 8), timeZone: "Europe/Paris" };
  expect(iso(parseTime("23:00", spring))).toBe("2026-03-28T22:00:00.000Z");
  expect(iso(parseTime("2026-03-29 03:30", spring))).toBe("2026-03-29T01:30:00.000Z");
  // As if in UTC it would be behind the change already.
  expect(iso(parseTime("2026-03-29 01:30", spring))).toBe("2026-03-29T00:30:00.000Z");
});

test("what a clock shows anywhere is read as the instant it shows", ({ expect }) => {
  const zones = fc.constantFrom(
    "UTC",
    "Europe/Paris",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Chatham",
  );
  const seconds = fc.integer({ min: 0, max: 4_102_444_799 });
  fc.assert(
    fc.property(zones, seconds, (timeZone, second) => {
      const shown = formatTime(second * 1000, timeZone);
      const read = parseTime(shown, { now: NOW, timeZone });
      // An hour that comes twice is read as one of the two.
      expect(formatTime(read ?? Number.NaN, timeZone)).toBe(shown);
      expect(Math.abs((read ?? 0) - second * 1000)).toBeLessThanOrEqual(3_600_000);
    }),
  );
});

test("whatever is typed gives an instant or nothing", ({ expect }) => {
  const typed = fc.string({ unit: fc.constantFrom(...Array.from("0123456789:-+TZ .,smhdago")) });
  fc.assert(
    fc.property(typed, (text) => {
      const at = parseTime(text, paris);
      expect(at === undefined || Number.isFinite(at)).toBe(true);
    }),
  );
});
