import { test } from "vitest";
import { backfillPauseMs, backoffMs, LONGEST_RETRY_AFTER_MS, retryAfterMs } from "../../agent/retry.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

test.for([
  ["0", 0],
  ["120", 120_000],
  ["900", LONGEST_RETRY_AFTER_MS],
  ["901", LONGEST_RETRY_AFTER_MS],
  ["Sat, 21 Nov 2026 12:01:00 GMT", 60_000],
  ["Sat, 21 Nov 2026 11:00:00 GMT", 0],
  ["Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER_MS],
  ["soon", undefined],
  ["1.5", undefined],
  ["-1", undefined],
  ["", undefined],
  [undefined, undefined],
] as const)("Retry-After %s means %s ms", ([header, ms], { expect }) => {
  expect(retryAfterMs(header, NOW)).toBe(ms);
});

test("the wait doubles from one second to a minute, with full jitter below", ({ expect }) => {
  const bounds = [0, 1, 2, 5, 6, 7, 50].map((attempt) => backoffMs(attempt, () => 1));
  expect(bounds).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
  expect(backoffMs(6, () => 0.25)).toBe(15_000);
});

test("an hour of 30 s windows trickles in within minutes, and no two nodes in step", ({ expect }) => {
  expect([0, 0.5, 1].map((value) => backfillPauseMs(() => value))).toEqual([1_000, 2_000, 3_000]);
  expect(120 * backfillPauseMs(() => 0.5)).toBeLessThan(5 * 60_000);
});
