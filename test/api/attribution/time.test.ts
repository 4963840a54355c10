import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseOffset, timeIn } from "../../../api/attribution/text/time.ts";
import { NOW } from "../../support/a-report.ts";

const HOUR = 3_600_000;
const at = (line: string, zoneMs?: number, now = NOW) => {
  const read = timeIn(line, { now, zoneMs });
  return typeof read === "number" ? new Date(read).toISOString().replace(".000Z", "Z") : read;
};

test.for([
  ["2026-11-21T10:00:00Z x", "2026-11-21T10:00:00Z"],
  ["x 2026-11-21 10:00:00.25+01 y", "2026-11-21T09:00:00.250Z"],
  ["2026-11-21 10:00:00,1239 -0330", "2026-11-21T13:30:00.123Z"],
  ["2026/11/21 10:00:00 [error]", "2026-11-21T10:00:00Z"],
  ["2026-11-21 10:00:00 GMT", "2026-11-21T10:00:00Z"],
  ["2026-11-21 10:00:00 LOG: x", "2026-11-21T10:00:00Z"],
  ["2026-11-21 10:00:00 CET [7]", "time-zone-unknown"],
  ["2026-11-21 10:00:00 ESTABLISHED", "2026-11-21T10:00:00Z"],
  ["2026-02-29 10:00:00", "no-such-time"],
  ["2024-02-29 10:00:00", "2024-02-29T10:00:00Z"],
  ["2026-11-21 24:00:00", "no-such-time"],
  ["2026-11-21 23:59:60", "2026-11-22T00:00:00Z"],
  ["2026-13-01 10:00:00", "no-such-time"],
  ["1970-01-01 00:00:00", "1970-01-01T00:00:00Z"],
  ["[21/Nov/2026:10:00:00 +0200]", "2026-11-21T08:00:00Z"],
  ["Nov 21 10:00:01 lb haproxy: [21/Nov/2026:10:00:00.5]", "2026-11-21T10:00:00.500Z"],
  ["<30>Nov  1 10:00:00 db x", "2026-11-01T10:00:00Z"],
  ["Sat Nov 21 10:00:00.5 2026", "2026-11-21T10:00:00.500Z"],
  ["1795255200.5 x", "2026-11-21T10:00:00.500Z"],
  ["x Nov 21 10:00:00", undefined],
  ["10:00:00", undefined],
] as const)("%s is %s", ([line, expected]) => {
  expect(at(line)).toBe(expected);
});

test("a time without a zone is that of the zone named, else of UTC; one that tells its own keeps it", () => {
  expect(at("2026-11-21 10:00:00", HOUR)).toBe("2026-11-21T09:00:00Z");
  expect(at("2026-11-21 10:00:00 CET", HOUR)).toBe("2026-11-21T09:00:00Z");
  expect(at("2026-11-21 10:00:00Z", HOUR)).toBe("2026-11-21T10:00:00Z");
  expect(at("2026-11-21 10:00:00+00:00", HOUR)).toBe("2026-11-21T10:00:00Z");
  expect(at("Nov 21 10:00:00", -HOUR)).toBe("2026-11-21T11:00:00Z");
});

test("a year that is not written is the last in which the time is no more than a day ahead", () => {
  expect(at("Nov 22 12:00:00")).toBe("2026-11-22T12:00:00Z");
  expect(at("Nov 22 12:00:01")).toBe("2025-11-22T12:00:01Z");
  expect(at("Feb 29 10:00:00")).toBe("2024-02-29T10:00:00Z");
  expect(at("Feb 29 10:00:00", 0, Date.UTC(1903, 0))).toBe("1896-02-29T10:00:00Z");
  expect(at("Feb 30 10:00:00")).toBe("no-such-time");
  const newYear = Date.UTC(2027, 0, 1, 0, 30);
  expect(at("Dec 31 23:59:59", 0, newYear)).toBe("2026-12-31T23:59:59Z");
  expect(at("Jan  1 01:30:00", 2 * HOUR, newYear)).toBe("2026-12-31T23:30:00Z");
});

test.for([
  ["+01:00", HOUR],
  ["-0330", -3.5 * HOUR],
  ["+14", 14 * HOUR],
  ["+14:01", undefined],
  ["+01:60", undefined],
  ["01:00", undefined],
  ["Z", undefined],
] as const)("%s is %d ms ahead of UTC", ([text, ms]) => {
  expect(parseOffset(text)).toBe(ms);
});

test("any instant comes back from all the ways in which it may be written", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(NOW - 200 * 24 * HOUR), max: new Date(NOW), noInvalidDate: true }),
      (date) => {
        const second = Math.floor(date.getTime() / 1000) * 1000;
        const iso = new Date(second).toISOString();
        const [, month = "", day = "", year = "", clock = ""] =
          /^\w+, (?=\d+ (\w+))(\d+) \w+ (\d+) ([\d:]+)/.exec(new Date(second).toUTCString()) ?? [];
        expect(timeIn(iso, { now: NOW })).toBe(second);
        expect(timeIn(`[${day}/${month}/${year}:${clock} +0000]`, { now: NOW })).toBe(second);
        expect(timeIn(`${month} ${String(Number(day)).padStart(2)} ${clock} db x`, { now: NOW })).toBe(
          second,
        );
        expect(timeIn(`${second / 1000}.000`, { now: NOW })).toBe(second);
      },
    ),
    { numRuns: 200 },
  );
});
