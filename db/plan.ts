import type { Retention, Tier } from "./tiers.ts";

/** A stretch of a range, and the tier to read it from. */
export type Piece = { tier: Tier; from: number; to: number };

/**
 * Which tier to read where: pieces in time that do not overlap and cover what is kept of the range. Buckets are read
 * where they are whole and not to be folded anew, the coarsest first; what they leave at both ends comes from
 * finer ones. The ends move outwards to whole slots of the finest tier that is still kept there.
 */
export function plan(
  _range: { from: number; to: number },
  _of: {
    /** Tiers there are, finest first. */
    tiers: readonly Tier[];
    /** Buckets that are to be folded anew. */
    dirty: readonly { tier: Tier; start: number }[];
    retention: Retention;
    now: number;
  },
): Piece[] {
  throw new Error("to be written");
}
