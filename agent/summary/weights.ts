export interface Readable {
  upTo(size: number): ArrayLike<number>;
}

/** So that six tallies of anything fit 32 bits. */
const MAX_WEIGHT = 2 ** 29;

/** The sum of these tallies, number by number. */
export function weigh(size: number, tallies: readonly Readable[]): Uint32Array {
  const weights = new Uint32Array(size);
  for (const tally of tallies) {
    const values = tally.upTo(size);
    for (let index = 0; index < size; index += 1)
      weights[index] = (weights[index] as number) + Math.min(values[index] as number, MAX_WEIGHT);
  }
  return weights;
}

/** How many are set. */
export const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
