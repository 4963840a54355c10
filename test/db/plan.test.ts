import * as fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../../db/plan.ts";
import type { Stock } from "../../db/plan.ts";
import {
  DEFAULT_RETENTION,
  HOUR,
  MINUTE,
  SETTLE_MS,
  SLOT_MS,
  slotOf,
  TEN_MINUTES,
  WINDOW,
} from "../../db/tiers.ts";
import type { BucketTier, Tier } from "../../db/tiers.ts";

const OF_CLUSTER = [MINUTE, TEN_MINUTES, HOUR] as const;
const OF_NODE = [WINDOW, TEN_MINUTES, HOUR] as const;
const at = (text: string) => Date.parse(`2026-11-${text}Z`);
const NOW = at("21T12:34:56");
const STOCK: Stock = { tiers: OF_CLUSTER, dirty: [], retention: DEFAULT_RETENTION, now: NOW };
const told = (from: string, to: string, stock: Partial<Stock> = {}) =>
  plan({ from: at(from), to: at(to) }, { ...STOCK, ...stock }).map(({ tier, from, to }) => [
    tier,
    new Date(from).toISOString().slice(8, 19),
    new Date(to).toISOString().slice(8, 19),
  ]);

test("hours lie in the middle, what is finer at both ends", () => {
  expect(told("21T09:48:30", "21T12:15:10")).toEqual([
    [MINUTE, "21T09:48:00", "21T09:50:00"],
    [TEN_MINUTES, "21T09:50:00", "21T10:00:00"],
    [HOUR, "21T10:00:00", "21T12:00:00"],
    [TEN_MINUTES, "21T12:00:00", "21T12:10:00"],
    [MINUTE, "21T12:10:00", "21T12:16:00"],
  ]);
});

test("a bucket is read once its last reports have had the time to come", () => {
  const end = at("21T12:30:00");
  expect(told("21T12:20:00", "21T12:30:00", { now: end + SETTLE_MS - 1 })[0]?.[0]).toBe(MINUTE);
  expect(told("21T12:20:00", "21T12:30:00", { now: end + SETTLE_MS })[0]?.[0]).toBe(TEN_MINUTES);
});

test("a bucket to be folded anew is read from the finer tier, and so are those that are folded from it", () => {
  const dirty: Stock["dirty"] = [{ tier: MINUTE, start: at("21T10:25:00") }];
  expect(told("21T10:00:00", "21T12:00:00", { dirty })).toEqual([
    [TEN_MINUTES, "21T10:00:00", "21T10:20:00"],
    [MINUTE, "21T10:20:00", "21T10:30:00"],
    [TEN_MINUTES, "21T10:30:00", "21T11:00:00"],
    [HOUR, "21T11:00:00", "21T12:00:00"],
  ]);
});

test("windows are not cut at slots", () => {
  expect(told("21T11:48:30", "21T12:15:10", { tiers: OF_NODE })).toEqual([
    [WINDOW, "21T11:48:30", "21T11:50:00"],
    [TEN_MINUTES, "21T11:50:00", "21T12:10:00"],
    [WINDOW, "21T12:10:00", "21T12:15:10"],
  ]);
});

test("the ends move out to what is still kept, and no further back", () => {
  expect(told("15T09:48:30", "15T11:12:00")).toEqual([
    [TEN_MINUTES, "15T09:40:00", "15T10:00:00"],
    [HOUR, "15T10:00:00", "15T11:00:00"],
    [TEN_MINUTES, "15T11:00:00", "15T11:20:00"],
  ]);
  expect(told("01T09:48:30", "01T11:12:00")).toEqual([[HOUR, "01T09:00:00", "01T12:00:00"]]);
  const retention = { ...DEFAULT_RETENTION, [HOUR]: 86_400_000 * 20 };
  expect(told("01T09:48:30", "01T14:12:00", { retention })).toEqual([[HOUR, "01T13:00:00", "01T15:00:00"]]);
  expect(told("01T09:48:30", "01T12:12:00", { retention })).toEqual([]);
});

test("where nothing finer is kept, a bucket is read although it is to be folded anew", () => {
  const dirty: Stock["dirty"] = [{ tier: HOUR, start: at("01T10:00:00") }];
  expect(told("01T09:00:00", "01T12:00:00", { dirty })).toEqual([[HOUR, "01T09:00:00", "01T12:00:00"]]);
});

const DAY = 86_400_000;
const stocks = fc.record({
  tiers: fc.constantFrom<readonly Tier[]>(OF_CLUSTER, OF_NODE, [MINUTE], [HOUR], [WINDOW]),
  now: fc.integer({ min: NOW, max: NOW + 4 * 3_600_000 }),
  dirty: fc.array(
    fc.record({
      tier: fc.constantFrom<BucketTier>(MINUTE, TEN_MINUTES, HOUR),
      start: fc.integer({ min: NOW - 5 * DAY, max: NOW }),
    }),
    { maxLength: 8 },
  ),
  retention: fc.record({
    [WINDOW]: fc.integer({ min: 3_600_000, max: 2 * DAY }),
    [MINUTE]: fc.integer({ min: 3_600_000, max: 2 * DAY }),
    [TEN_MINUTES]: fc.integer({ min: 7_200_000, max: 4 * DAY }),
    [HOUR]: fc.integer({ min: DAY, max: 6 * DAY }),
  }),
});
const ranges = fc
  .tuple(fc.integer({ min: -6 * DAY, max: 3_600_000 }), fc.integer({ min: 1, max: 3 * DAY }))
  .map(([from, length]) => ({ from: NOW + from, to: NOW + from + length }));
const slotted = ({ dirty, ...stock }: Stock): Stock => ({
  ...stock,
  dirty: dirty.map(({ tier, start }) => ({ tier, start: slotOf(tier as BucketTier, start) })),
});

test("pieces follow one another and leave out nothing that is kept", () => {
  fc.assert(
    fc.property(ranges, stocks.map(slotted), (range, stock) => {
      const pieces = plan(range, stock);
      for (const [i, piece] of pieces.entries()) {
        expect(piece.from).toBeLessThan(piece.to);
        if (i > 0) expect(piece.from).toBe(pieces[i - 1]!.to);
        expect(stock.tiers).toContain(piece.tier);
        if (piece.tier !== WINDOW) {
          expect(piece.from % SLOT_MS[piece.tier]).toBe(0);
          expect(piece.to % SLOT_MS[piece.tier]).toBe(0);
        }
        expect(piece.from).toBeGreaterThanOrEqual(stock.now - stock.retention[piece.tier]);
      }
      const coarsest = stock.tiers.at(-1)!;
      const length = coarsest === WINDOW ? 1 : SLOT_MS[coarsest];
      const kept = Math.min(
        ...stock.tiers.map((tier) => Math.ceil((stock.now - stock.retention[tier]) / length) * length),
      );
      if (range.to <= kept) {
        expect(pieces).toEqual([]);
        return;
      }
      expect(pieces[0]!.from).toBeLessThanOrEqual(Math.max(range.from, kept));
      expect(pieces[0]!.from).toBeGreaterThan(range.from - length);
      expect(pieces.at(-1)!.to).toBeGreaterThanOrEqual(range.to);
      expect(pieces.at(-1)!.to).toBeLessThan(range.to + length);
    }),
    { numRuns: 2000 },
  );
});

test("no bucket is read that is unfinished or to be folded anew, where a finer tier has it", () => {
  fc.assert(
    fc.property(ranges, stocks.map(slotted), (range, stock) => {
      for (const piece of plan(range, stock)) {
        const { tier } = piece;
        if (tier === WINDOW || tier === stock.tiers[0]) continue;
        for (let start = piece.from; start < piece.to; start += SLOT_MS[tier]) {
          const end = start + SLOT_MS[tier];
          const finer = stock.tiers.slice(0, stock.tiers.indexOf(tier));
          // A whole slot of the coarsest is to be had, or none of it.
          const horizon = Math.floor(start / SLOT_MS[HOUR]) * SLOT_MS[HOUR];
          if (!finer.some((one) => horizon >= stock.now - stock.retention[one])) continue;
          expect(end + SETTLE_MS).toBeLessThanOrEqual(stock.now);
          for (const mark of stock.dirty)
            expect(mark.tier <= tier && mark.start >= start && mark.start < end).toBe(false);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test("the coarsest bucket that can be read is read", () => {
  fc.assert(
    fc.property(ranges, stocks.map(slotted), (range, stock) => {
      const pieces = plan(range, { ...stock, dirty: [], tiers: OF_CLUSTER });
      for (const { tier, from, to } of pieces) {
        if (tier === HOUR) continue;
        for (let start = slotOf(HOUR, from) + 3_600_000; start + 3_600_000 <= to; start += 3_600_000)
          expect(start + 3_600_000 + SETTLE_MS > stock.now || start < stock.now - stock.retention[HOUR]).toBe(
            true,
          );
      }
    }),
  );
});
