import type { Fingerprint } from "./fingerprint.ts";

const FIRST_SLOTS = 1024;
const MAX_LOAD = 0.5;

/** A bounded set of fingerprints, which knows nothing of the tables whose rows may move. */
export class PairSet {
  size = 0;
  private readonly limit: number;
  private words = new Int32Array(2 * FIRST_SLOTS);

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether it was not there before; false too where the set is full, so that a count of them is a lower bound. */
  add({ a, b }: Fingerprint): boolean {
    // Both words 0 mark an empty slot.
    const low = a === 0 && b === 0 ? 1 : b;
    const slot = this.find(a, low);
    if (slot < 0 || this.size >= this.limit) return false;
    this.words[slot] = a;
    this.words[slot + 1] = low;
    this.size += 1;
    if (this.size > (this.words.length / 2) * MAX_LOAD) this.grow();
    return true;
  }

  /** Forgets all, and gives back what a smaller set of the same kind would not need. */
  clear(): void {
    if (this.words.length > 2 * FIRST_SLOTS && this.size < this.words.length / 32)
      this.words = new Int32Array(2 * FIRST_SLOTS);
    else this.words.fill(0);
    this.size = 0;
  }

  /** Place of the first empty slot for this key, or -1 where the key is there. */
  private find(a: number, b: number): number {
    const { words } = this;
    const mask = words.length - 1;
    let slot = (a << 1) & mask;
    for (;;) {
      const first = words[slot] as number;
      const second = words[slot + 1] as number;
      if (first === 0 && second === 0) return slot;
      if (first === a && second === b) return -1;
      slot = (slot + 2) & mask;
    }
  }

  private grow(): void {
    const old = this.words;
    this.words = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const a = old[at] as number;
      const b = old[at + 1] as number;
      if (a === 0 && b === 0) continue;
      const slot = this.find(a, b);
      this.words[slot] = a;
      this.words[slot + 1] = b;
    }
  }
}
