import { SPARE_FACTOR } from "./tally.ts";

/** Part of the slots that may be taken before the table grows; probing stays short below it. */
const MAX_LOAD = 0.6;
const FIRST_CAPACITY = 1024;
const WIDTH = 4;

/**
 * Gives each key of four 32-bit words a small number, in order of arrival: addresses, flow groups and pairs become
 * indexes of plain columns. Open addressing in typed arrays, because a Map of strings costs more than the whole dump.
 */
export class KeyTable {
  size = 0;
  readonly limit: number;
  private capacity = FIRST_CAPACITY;
  private slots = new Int32Array(slotsFor(FIRST_CAPACITY));
  private keys = new Int32Array(FIRST_CAPACITY * WIDTH);

  /** @param limit keys taken at most: what keeps memory bounded whatever the traffic does. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** The number of this key, a new one if it was never seen, or -1 if the table is full. */
  index(a: number, b: number, c: number, d: number): number {
    const mask = this.slots.length - 1;
    let slot = mix(a, b, c, d) & mask;
    for (;;) {
      const taken = (this.slots[slot] as number) - 1;
      if (taken < 0) return this.add(slot, a, b, c, d);
      const at = taken * WIDTH;
      const keys = this.keys;
      if (keys[at] === a && keys[at + 1] === b && keys[at + 2] === c && keys[at + 3] === d) return taken;
      slot = (slot + 1) & mask;
    }
  }

  /** One of the four words of key `index`. */
  word(index: number, word: 0 | 1 | 2 | 3): number {
    return this.keys[index * WIDTH + word] as number;
  }

  /** Forgets all keys and keeps the memory for the next window. */
  clear(): void {
    this.size = 0;
    this.slots.fill(0);
  }

  /**
   * Forgets the keys whose `keep` is 0 and numbers the others anew in the same order, so that numbers only fall. Words that
   * are themselves numbers of another table are rewritten by `change`, which is handed all words and the first of each key.
   *
   * @returns the new number of each old one, or -1
   */
  compact(keep: Uint8Array, change?: (words: Int32Array, at: number) => void): Int32Array {
    const map = new Int32Array(this.size).fill(-1);
    const { keys } = this;
    let size = 0;
    for (let index = 0; index < this.size; index += 1) {
      if (!keep[index]) continue;
      keys.copyWithin(size * WIDTH, index * WIDTH, (index + 1) * WIDTH);
      change?.(keys, size * WIDTH);
      map[index] = size;
      size += 1;
    }
    this.size = size;
    if (this.capacity > FIRST_CAPACITY && this.capacity > SPARE_FACTOR * size)
      this.resize(Math.max(FIRST_CAPACITY, 2 * size));
    else this.place(this.slots.fill(0));
    return map;
  }

  // oxlint-disable-next-line max-params -- the hot path passes words, not objects
  private add(slot: number, a: number, b: number, c: number, d: number): number {
    if (this.size >= this.limit) return -1;
    if (this.size >= this.capacity) {
      this.resize(this.capacity * 2);
      return this.index(a, b, c, d);
    }
    const index = this.size;
    this.size += 1;
    this.slots[slot] = index + 1;
    const keys = this.keys;
    const at = index * WIDTH;
    keys[at] = a;
    keys[at + 1] = b;
    keys[at + 2] = c;
    keys[at + 3] = d;
    return index;
  }

  private resize(capacity: number): void {
    this.capacity = Math.min(capacity, this.limit);
    const keys = new Int32Array(this.capacity * WIDTH);
    keys.set(this.keys.subarray(0, this.size * WIDTH));
    this.keys = keys;
    this.slots = new Int32Array(slotsFor(this.capacity));
    this.place(this.slots);
  }

  private place(slots: Int32Array): void {
    const mask = slots.length - 1;
    for (let index = 0; index < this.size; index += 1) {
      let slot =
        mix(this.word(index, 0), this.word(index, 1), this.word(index, 2), this.word(index, 3)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
  }
}

const slotsFor = (capacity: number) => 2 ** Math.ceil(Math.log2(capacity / MAX_LOAD));

/** Multiply-and-rotate over the words with the finalizer of MurmurHash3 (Appleby, public domain constants). */
function mix(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a, 0x9e3779b1);
  hash = Math.imul((hash ^ b) + ((hash << 13) | (hash >>> 19)), 0x85ebca6b);
  hash = Math.imul((hash ^ c) + ((hash << 13) | (hash >>> 19)), 0xc2b2ae35);
  hash = Math.imul((hash ^ d) + ((hash << 13) | (hash >>> 19)), 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
