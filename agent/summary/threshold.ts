/** Folding away fewer than this part would be done too often: each time costs a pass over the table. */
const LEAST_PART = 1 / 4;

/**
 * The weight up to which rows of a full table are folded away. Folding all rows at or below a weight t frees F(t) places
 * and adds t to what any one row may lack (a row folded with weight w ≤ t may come back and count from 0): the threshold
 * is the one with the least error a place, among those that free a quarter. Where nothing repeats that is the median;
 * where some rows are heavy they stay. Compare Misra and Gries, Finding repeated elements, 1982, done in batches.
 */
export function foldThreshold(weights: Uint32Array): number {
  const sorted = weights.toSorted();
  const least = Math.ceil(sorted.length * LEAST_PART);
  let best = sorted.at(-1) ?? 0;
  let price = Number.POSITIVE_INFINITY;
  for (let index = least - 1; index < sorted.length; index += 1) {
    const weight = sorted[index] as number;
    if (weight === sorted[index + 1] || weight / (index + 1) >= price) continue;
    best = weight;
    price = weight / (index + 1);
  }
  return best;
}
