import { coarserTier, MAX_AHEAD_MS, SETTLE_MS, SLOT_MS, slotOf, WINDOW } from "./tiers.ts";
import type { BucketTier, Retention, Tier } from "./tiers.ts";

/** A stretch of a range, and the tier to read it from. */
export type Piece = { tier: Tier; from: number; to: number };

type Range = { from: number; to: number };

/** What there is to read from. */
export type Stock = {
  /** Tiers there are, finest first. */
  tiers: readonly Tier[];
  /** Buckets that are to be folded anew. */
  dirty: readonly { tier: Tier; start: number }[];
  retention: Retention;
  now: number;
};

/**
 * Which tier to read where: pieces in time that do not overlap and cover what is kept of the range. Buckets are read
 * where they are whole and not to be folded anew, the coarsest first; what they leave at both ends comes from
 * finer ones. The ends move outwards to whole slots of the finest tier that is still kept there. Where nothing
 * finer is kept, a bucket is read whatever its state: an old answer is better than none. Of what is to come there is nothing.
 */
export function plan(range: Range, stock: Stock): Piece[] {
  const { tiers } = stock;
  const kept = keptSince(stock);
  const end = Math.min(range.to, stock.now + MAX_AHEAD_MS);
  if (range.from >= end) return [];
  const from = Math.max(outwards(range.from, Math.floor), Math.min(...kept));
  const to = outwards(end, Math.ceil);
  const stale = staleBuckets(stock);
  const pieces: Piece[] = [];
  fill({ from, to }, tiers.length - 1);
  return pieces;

  function outwards(at: number, round: (slots: number) => number): number {
    // The slot before an end is the one that must be there.
    const inside = at === end ? at - 1 : at;
    const tier = tiers.find((_, i) => inside >= (kept[i] ?? Infinity));
    return tier === undefined || tier === WINDOW ? at : round(at / SLOT_MS[tier]) * SLOT_MS[tier];
  }

  /** Reads what there is of a tier and fills what is left with the next finer one. */
  function fill({ from, to }: Range, i: number): void {
    const tier = tiers[i];
    if (tier === undefined || from >= to) return;
    if (tier === WINDOW) return append({ tier, from: Math.max(from, kept[i] ?? from), to });
    const length = SLOT_MS[tier];
    let done = from;
    for (let start = Math.ceil(from / length) * length; start + length <= to; start += length) {
      if (!isRead(tier, start, i)) continue;
      fill({ from: done, to: start }, i - 1);
      append({ tier, from: start, to: start + length });
      done = start + length;
    }
    fill({ from: done, to }, i - 1);
  }

  function isRead(tier: BucketTier, start: number, i: number): boolean {
    if (start < (kept[i] ?? Infinity)) return false;
    const isWhole = start + SLOT_MS[tier] + SETTLE_MS <= stock.now && !stale.get(tier)?.has(start);
    return isWhole || !kept.slice(0, i).some((finer) => finer <= start);
  }

  function append(piece: Piece): void {
    if (piece.from >= piece.to) return;
    const last = pieces.at(-1);
    if (last?.tier === piece.tier && last.to === piece.from) last.to = piece.to;
    else pieces.push(piece);
  }
}

/** Up to when what is read is whole: begin of the first bucket that waits to be folded; undefined where all is. */
export function foldedUntil(pieces: readonly Piece[], dirty: Stock["dirty"]): number | undefined {
  const isRead = (mark: { tier: Tier; start: number }) =>
    pieces.some(
      ({ tier, from, to }) => tier !== WINDOW && mark.tier <= tier && mark.start >= from && mark.start < to,
    );
  const waiting = dirty.filter(isRead).map(({ start }) => start);
  return waiting.length > 0 ? Math.min(...waiting) : undefined;
}

/**
 * From when on each tier is kept: where a coarser one is kept before that, from the begin of a slot of its on, so that no slot
 * needs what the finer tier has lost in part.
 */
function keptSince({ tiers, retention, now }: Stock): number[] {
  const kept: number[] = [];
  for (const [i, own] of [...tiers.entries()].toReversed()) {
    const from = (tier: Tier) => {
      const length = tier === WINDOW ? 1 : SLOT_MS[tier];
      return Math.ceil(Math.max(0, now - retention[own]) / length) * length;
    };
    const before = tiers.find((tier, j) => j > i && (kept[j] ?? Infinity) < from(tier));
    kept[i] = from(before ?? own);
  }
  return kept;
}

/** Buckets to be folded anew, and those to be folded from them. */
function staleBuckets({ dirty }: Stock): Map<Tier, Set<number>> {
  const stale = new Map<Tier, Set<number>>();
  for (const { tier, start } of dirty) {
    if (tier === WINDOW) continue;
    for (let at: BucketTier | undefined = tier; at !== undefined; at = coarserTier(at)) {
      const starts = stale.get(at) ?? new Set();
      stale.set(at, starts.add(slotOf(at, start)));
    }
  }
  return stale;
}
