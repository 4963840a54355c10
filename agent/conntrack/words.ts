/** Words looked up by hash, so that a scanner can tell them apart in bytes without making strings. */
export interface Vocabulary {
  readonly hashes: Int32Array;
  readonly values: Int32Array;
}

const SLOTS = 512;
const SLOT_MASK = SLOTS - 1;

/** The value {@link findWord} gives for a word that is not in the vocabulary. */
export const NO_WORD = -1;

/** Start of a hash, and its next value with one more byte (FNV-1a, which has the same cost for words of any length). */
export const HASH_START = 0x811c9dc5 | 0;
export const hashByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193);

/** Hash of a whole ASCII word. */
export function hashWord(word: string): number {
  let hash = HASH_START;
  for (let i = 0; i < word.length; i++) hash = hashByte(hash, word.charCodeAt(i));
  return hash;
}

/** Values must not be negative. */
export function vocabulary(words: Iterable<readonly [string, number]>): Vocabulary {
  const hashes = new Int32Array(SLOTS);
  const values = new Int32Array(SLOTS).fill(NO_WORD);
  for (const [word, value] of words) {
    const hash = hashWord(word);
    let slot = hash & SLOT_MASK;
    while (values[slot] !== NO_WORD) slot = (slot + 1) & SLOT_MASK;
    hashes[slot] = hash;
    values[slot] = value;
  }
  return { hashes, values };
}

/** Value of the word with this hash, or NO_WORD. */
export function findWord({ hashes, values }: Vocabulary, hash: number): number {
  let slot = hash & SLOT_MASK;
  while (values[slot] !== NO_WORD) {
    if (hashes[slot] === hash) return values[slot] as number;
    slot = (slot + 1) & SLOT_MASK;
  }
  return NO_WORD;
}
