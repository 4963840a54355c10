type Values = Uint32Array | Float64Array;

const FIRST_LENGTH = 256;
/** A table this many times larger than what is in it gives memory back: a spike must not cost until the next start. */
export const SPARE_FACTOR = 4;

/** Additive counters addressed by a small number that grows. */
export class Tally<V extends Values = Values> {
  private readonly make: (length: number) => V;
  private values: V;

  constructor(make: (length: number) => V) {
    this.make = make;
    this.values = make(FIRST_LENGTH);
  }

  add(index: number, amount: number): void {
    if (index >= this.values.length) this.resize(Math.max(index + 1, this.values.length * 2));
    this.values[index] = (this.values[index] as number) + amount;
  }

  at(index: number): number {
    return this.values[index] ?? 0;
  }

  /** The counters of the first `size` numbers, not a copy. */
  upTo(size: number): V {
    if (size > this.values.length) this.resize(size);
    return this.values.subarray(0, size) as V;
  }

  clear(): void {
    this.values.fill(0);
  }

  /** Moves each counter to the number `map` gives for its own, which never rises; those at -1 are gone. */
  compact(map: Int32Array, size: number): void {
    const { values } = this;
    const length = Math.min(values.length, map.length);
    for (let index = 0; index < length; index += 1) {
      const to = map[index] as number;
      if (to === index) continue;
      if (to >= 0) values[to] = values[index] as number;
      values[index] = 0;
    }
    if (values.length > FIRST_LENGTH && values.length > SPARE_FACTOR * size)
      this.resize(Math.max(FIRST_LENGTH, 2 * size));
  }

  private resize(length: number): void {
    const values = this.make(length);
    values.set(this.values.subarray(0, length));
    this.values = values;
  }
}

/** Whole numbers below 2^32: entries, and flows of a window. */
export const counts = (): Tally<Uint32Array> => new Tally((length) => new Uint32Array(length));
/** Bytes and packets: Float64 holds every integer up to 2^53 exactly. */
export const sums = (): Tally<Float64Array> => new Tally((length) => new Float64Array(length));
