/**
 * Numbers texts as they come. Tables of slots one after another list mostly the same keys in the same order: a text is first held against
 * what came after its predecessor before, which takes a fraction of the time of looking for it.
 */
export class Texts {
  #texts: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** By the number of a text plus one, and at 0 of none: the number of what came after it last. */
  #followers: number[] = [];

  get size(): number {
    return this.#texts.length;
  }

  numbers(keys: readonly string[]): Int32Array {
    const numbers = new Int32Array(keys.length);
    let before = 0;
    for (const [row, key] of keys.entries()) {
      const guess = this.#followers[before] ?? -1;
      const number = this.#texts[guess] === key ? guess : this.#numberOf(key);
      if (number !== guess) this.#followers[before] = number;
      numbers[row] = number;
      before = number + 1;
    }
    return numbers;
  }

  keyOf(number: number): string {
    return this.#texts[number] ?? "";
  }

  keep(numbers: Int32Array): void {
    this.#texts = Array.from(numbers, (number) => this.keyOf(number));
    this.#followers = [];
    this.#numbers.clear();
    for (const [number, text] of this.#texts.entries()) this.#numbers.set(text, number);
  }

  #numberOf(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#texts.length);
    return this.#texts.push(key) - 1;
  }
}
