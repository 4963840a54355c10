export type Random = () => number;

/** A small generator with a seed, so that all runs are the same (mulberry32, public domain). */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed of its own for each list of words: what one part of a fleet draws does not move what another draws. */
export function seedOf(...parts: readonly (number | string)[]): number {
  let hash = 0x811c9dc5;
  const text = parts.join("\u0000");
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

/** One draw from [0, 1) that depends on nothing but the words. */
export const chance = (...parts: readonly (number | string)[]): number => seeded(seedOf(...parts))();

/** How many of something that happens `mean` times on average (Knuth; of many, the normal distribution is as good). */
export function poisson(mean: number, random: Random): number {
  if (mean <= 0) return 0;
  if (mean > 30) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

const LETTERS = "bcdfghjklmnpqrstvwxz2456789";
/** A suffix such as Kubernetes gives to names. */
export function suffix(length: number, random: Random): string {
  let text = "";
  for (let at = 0; at < length; at += 1) text += LETTERS[Math.floor(random() * LETTERS.length)];
  return text;
}
