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
    const numbers = hashes(columns, rows);
    for (let row = 0; row < rows; row++) numbers[row] = this.#numberOf(columns, row, numbers[row] ?? 0);
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

  #numberOf(columns: readonly Int32Array[], row: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0) return this.#add(columns, row, slot);
      if (this.#is(number, columns, row)) return number;
    }
  }

  #is(number: number, columns: readonly Int32Array[], row: number): boolean {
    const words = this.#words;
    let at = number * columns.length;
    for (const column of columns) if (words[at++] !== column[row]) return false;
    return true;
  }

  #add(columns: readonly Int32Array[], row: number, slot: number): number {
    let at = this.#size * columns.length;
    if (at + columns.length > this.#words.length) {
      const words = new Int32Array(2 * this.#words.length);
      words.set(this.#words);
      this.#words = words;
    }
    for (const column of columns) this.#words[at++] = column[row] ?? 0;
    this.#slots[slot] = ++this.#size;
    if (2 * this.#size > this.#slots.length) this.#place(2 * this.#slots.length);
    return this.#size - 1;
  }

  #place(least: number): void {
    let slots = least;
    while (slots < 2 * this.#size) slots *= 2;
    this.#slots = new Int32Array(slots);
    const mask = slots - 1;
    const columns = Array.from({ length: this.#width }, (_, word) => this.#column(word));
    for (const [number, hash] of hashes(columns, this.#size).entries()) {
      let slot = hash & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number + 1;
    }
  }

  #column(word: number): Int32Array {
    const column = new Int32Array(this.#size);
    for (let number = 0; number < column.length; number++) column[number] = this.word(number, word);
    return column;
  }
}

/** The last steps of MurmurHash3 over each word. */
function hashes(columns: readonly Int32Array[], rows: number): Int32Array {
  const hashes = new Int32Array(rows);
  for (const column of columns)
    for (let row = 0; row < rows; row++) {
      let hash = Math.imul((hashes[row] ?? 0) ^ (column[row] ?? 0), 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
      hashes[row] = hash ^ (hash >>> 16);
    }
  return hashes;
}
