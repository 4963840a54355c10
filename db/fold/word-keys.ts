const FIRST_SLOTS = 64;

/** Numbers distinct rows of a few integers as they come: open addressing, some 40 bytes a row. */
export class WordKeys {
  readonly #width: number;
  #size = 0;
  #words: Int32Array;
  /** Number of a row plus one; 0 where there is none. Twice as many as rows, at least. */
  #slots = new Int32Array(FIRST_SLOTS);

  /** `width`: integers a row. */
  constructor(width: number) {
    this.#width = width;
    this.#words = new Int32Array((FIRST_SLOTS / 2) * width);
  }

  get size(): number {
    return this.#size;
  }

  /** Numbers of so many rows, given as columns. */
  numbers(columns: readonly Int32Array[], rows: number): Int32Array {
    const numbers = new Int32Array(rows);
    const row = new Int32Array(this.#width);
    for (let i = 0; i < rows; i++) {
      for (let word = 0; word < row.length; word++) row[word] = columns[word]?.[i] ?? 0;
      numbers[i] = this.#numberOf(row);
    }
    return numbers;
  }

  word(number: number, word: number): number {
    return this.#words[number * this.#width + word] ?? 0;
  }

  /** Leaves the rows of these numbers, which they lose for 0, 1, 2 and so on, with each word become what `change` says. */
  keep(numbers: Iterable<number>, change: (value: number, word: number) => number): void {
    const kept = Int32Array.from(numbers);
    const words = new Int32Array(Math.max(FIRST_SLOTS / 2, kept.length) * this.#width);
    for (const [at, number] of kept.entries())
      for (let word = 0; word < this.#width; word++)
        words[at * this.#width + word] = change(this.word(number, word), word);
    this.#words = words;
    this.#size = kept.length;
    this.#place(FIRST_SLOTS);
  }

  #numberOf(row: Int32Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash(row, 0, row.length) & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] ?? 0) - 1;
      if (number < 0) return this.#add(row, slot);
      if (this.#is(number, row)) return number;
    }
  }

  #is(number: number, row: Int32Array): boolean {
    const at = number * row.length;
    for (let word = 0; word < row.length; word++) if (this.#words[at + word] !== row[word]) return false;
    return true;
  }

  #add(row: Int32Array, slot: number): number {
    const at = this.#size * row.length;
    if (at + row.length > this.#words.length) {
      const words = new Int32Array(2 * this.#words.length);
      words.set(this.#words);
      this.#words = words;
    }
    this.#words.set(row, at);
    this.#slots[slot] = ++this.#size;
    if (2 * this.#size > this.#slots.length) this.#place(2 * this.#slots.length);
    return this.#size - 1;
  }

  #place(least: number): void {
    let slots = least;
    while (slots < 2 * this.#size) slots *= 2;
    this.#slots = new Int32Array(slots);
    const mask = slots - 1;
    for (let number = 0; number < this.#size; number++) {
      let slot = hash(this.#words, number * this.#width, this.#width) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number + 1;
    }
  }
}

/** The last steps of MurmurHash3 over each word. */
function hash(words: Int32Array, from: number, length: number): number {
  let hash = 0;
  for (let at = from; at < from + length; at++) {
    hash = Math.imul(hash ^ (words[at] ?? 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash;
}
