import * as fc from "fast-check";
import { expect, test } from "vitest";
import { foldedUntil, plan } from "../../db/plan.ts";
import type { Stock } from "../../db/plan.ts";
import {
  BUCKET_TIERS,
  CLUSTER_TIERS,
  DAY,
  DEFAULT_RETENTION,
  HOUR,
  MAX_AHEAD_MS,
  MINUTE,
  NODE_TIERS,
  SETTLE_MS,
  SLOT_MS,
  slotOf,
  TEN_MINUTES,
  WINDOW,
} from "../../db/tiers.ts";
import type { BucketTier, Tier } from "../../db/tiers.ts";

const DAY_MS = SLOT_MS[DAY];
const at = (text: string) => Date.parse(`2026-11-${text}Z`);
const NOW = at("21T12:34:56");
const STOCK: Stock = { tiers: CLUSTER_TIERS, dirty: [], retention: DEFAULT_RETENTION, now: NOW };
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

test("days lie between hours, and are those of UTC", () => {
  expect(told("18T22:00:00", "21T02:00:00")).toEqual([
    [HOUR, "18T22:00:00", "19T00:00:00"],
    [DAY, "19T00:00:00", "21T00:00:00"],
    [HOUR, "21T00:00:00", "21T02:00:00"],
  ]);
});

test("a finer tier is read as far back as it is kept, to the slot of the next coarser", () => {
  // Minutes are kept since 12:34:56 of the 19th: of whole ten minutes since 12:40.
  expect(told("19T12:41:00", "19T12:51:00")).toEqual([[MINUTE, "19T12:41:00", "19T12:51:00"]]);
  expect(told("19T12:39:00", "19T12:51:00")[0]).toEqual([TEN_MINUTES, "19T12:30:00", "19T12:50:00"]);
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
  expect(told("21T11:48:30", "21T12:15:10", { tiers: NODE_TIERS })).toEqual([
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
  const retention = { ...DEFAULT_RETENTION, [HOUR]: 20 * DAY_MS };
  expect(told("01T09:48:30", "02T14:12:00", { retention })).toEqual([
    [DAY, "01T00:00:00", "02T00:00:00"],
    [HOUR, "02T00:00:00", "02T15:00:00"],
  ]);
  const neither = { ...retention, [DAY]: 20 * DAY_MS };
  expect(told("01T09:48:30", "01T14:12:00", { retention: neither })).toEqual([
    [HOUR, "01T13:00:00", "01T15:00:00"],
  ]);
  expect(told("01T09:48:30", "01T12:12:00", { retention: neither })).toEqual([]);
});

test("where nothing finer is kept, a bucket is read although it is to be folded anew", () => {
  const dirty: Stock["dirty"] = [{ tier: HOUR, start: at("01T10:00:00") }];
  expect(told("01T09:00:00", "01T12:00:00", { dirty })).toEqual([[HOUR, "01T09:00:00", "01T12:00:00"]]);
});

test("of what is to come nothing is read but what clocks that run ahead have told", () => {
  const ahead = NOW + MAX_AHEAD_MS;
  const lastOf = (range: { from: number; to: number }, tiers = NODE_TIERS) =>
    plan(range, { ...STOCK, tiers }).at(-1);
  expect(lastOf({ from: NOW, to: ahead })?.to).toBe(ahead);
  expect(lastOf({ from: NOW, to: ahead + 1 })?.to).toBe(ahead);
  expect(lastOf({ from: NOW, to: NOW + 399 * DAY_MS }, CLUSTER_TIERS)).toEqual({
    tier: MINUTE,
    from: at("21T12:34:00"),
    to: at("21T12:40:00"),
  });
  expect(plan({ from: NOW + DAY_MS, to: NOW + 2 * DAY_MS }, STOCK)).toEqual([]);
});

test("what is read is whole up to the first bucket that waits to be folded, where no finer one is read", () => {
  const [from, to] = [at("21T10:00:00"), at("21T11:00:00")];
  const minute = { tier: MINUTE, start: at("21T10:25:00") } as const;
  const waiting = { tier: TEN_MINUTES, start: at("21T10:20:00") } as const;
  const until = (tier: Tier, ...dirty: Stock["dirty"]) => foldedUntil([{ tier, from, to }], dirty);
  expect(until(MINUTE)).toBeUndefined();
  expect(until(MINUTE, minute, { tier: MINUTE, start: to - 60_000 })).toBe(minute.start);
  expect(until(MINUTE, waiting)).toBeUndefined();
  expect(until(TEN_MINUTES, minute, waiting)).toBe(waiting.start);
  expect(until(WINDOW, minute, waiting)).toBeUndefined();
  expect(until(HOUR, { tier: MINUTE, start: from })).toBe(from);
  expect(until(HOUR, { tier: MINUTE, start: from - 60_000 }, { tier: MINUTE, start: to })).toBeUndefined();
});

const stocks = fc.record({
  tiers: fc.constantFrom<readonly Tier[]>(CLUSTER_TIERS, NODE_TIERS, [MINUTE], [HOUR], [DAY], [WINDOW]),
  now: fc.integer({ min: NOW, max: NOW + 4 * 3_600_000 }),
  dirty: fc.array(
    fc.record({
      tier: fc.constantFrom<BucketTier>(...BUCKET_TIERS),
      start: fc.integer({ min: NOW - 5 * DAY_MS, max: NOW }),
    }),
    { maxLength: 8 },
  ),
  retention: fc.record({
    [WINDOW]: fc.integer({ min: 3_600_000, max: 2 * DAY_MS }),
    [MINUTE]: fc.integer({ min: 3_600_000, max: 2 * DAY_MS }),
    [TEN_MINUTES]: fc.integer({ min: 7_200_000, max: 4 * DAY_MS }),
    [HOUR]: fc.integer({ min: DAY_MS, max: 6 * DAY_MS }),
    [DAY]: fc.integer({ min: 2 * DAY_MS, max: 9 * DAY_MS }),
  }),
});
const ranges = fc
  .tuple(fc.integer({ min: -9 * DAY_MS, max: 3_600_000 }), fc.integer({ min: 1, max: 5 * DAY_MS }))
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
        ...stock.tiers.map((tier) => {
          const own = tier === WINDOW ? 1 : SLOT_MS[tier];
          return Math.ceil((stock.now - stock.retention[tier]) / own) * own;
        }),
      );
      const to = Math.min(range.to, stock.now + MAX_AHEAD_MS);
      if (to <= kept || range.from >= to) {
        expect(pieces).toEqual([]);
        return;
      }
      expect(pieces[0]!.from).toBeLessThanOrEqual(Math.max(range.from, kept));
      expect(pieces[0]!.from).toBeGreaterThan(range.from - length);
      expect(pieces.at(-1)!.to).toBeGreaterThanOrEqual(to);
      expect(pieces.at(-1)!.to).toBeLessThan(to + length);
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
          if (!finer.some((one) => start >= stock.now - stock.retention[one])) continue;
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
      const pieces = plan(range, { ...stock, dirty: [], tiers: CLUSTER_TIERS });
      for (const { tier, from, to } of pieces) {
        for (const coarser of CLUSTER_TIERS.filter((one) => one > tier) as BucketTier[]) {
          const length = SLOT_MS[coarser];
          for (let start = slotOf(coarser, from) + length; start + length <= to; start += length)
            // A tier may begin to be read as late as at the next day.
            expect(
              start + length + SETTLE_MS > stock.now || start < stock.now - stock.retention[coarser] + DAY_MS,
            ).toBe(true);
        }
      }
    }),
  );
});
