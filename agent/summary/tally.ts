/** Additive counters addressed by a small number that grows; Float64 holds every integer up to 2^53 exactly. */
export class Tally {
  private values = new Float64Array(1024);

  add(index: number, amount: number): void {
    if (index >= this.values.length) this.grow(index);
    this.values[index] = (this.values[index] as number) + amount;
  }

  at(index: number): number {
    return this.values[index] ?? 0;
  }

  /** The counters of the first `size` numbers, not a copy. */
  upTo(size: number): Float64Array {
    if (size > this.values.length) this.grow(size - 1);
    return this.values.subarray(0, size);
  }

  clear(): void {
    this.values.fill(0);
  }

  private grow(index: number): void {
    const values = new Float64Array(Math.max(index + 1, this.values.length * 2));
    values.set(this.values);
    this.values = values;
  }
}
