/** The bytes are not a segment this version can read. */
export class SegmentError extends Error {
  override name = "SegmentError";
}

/** What should be kept is more than a segment may hold. */
export class SegmentSizeError extends Error {
  override name = "SegmentSizeError";
}

/** Bits in a varint byte that carry the number; the eighth says that more follow. */
const PAYLOAD = 0x80;
/** Beyond this factor a varint no longer fits a safe integer (2^53 - 1 takes eight bytes). */
const LAST_FACTOR = PAYLOAD ** 7;

/** Grows as it is written. Numbers are unsigned LEB128 varints up to 2^53 - 1. */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`cannot keep the number ${value}`);
    if (this.#length + 8 > this.#bytes.length) this.#reserve(8);
    let rest = value;
    while (rest >= PAYLOAD) {
      this.#bytes[this.#length++] = (rest % PAYLOAD) + PAYLOAD;
      rest = Math.floor(rest / PAYLOAD);
    }
    this.#bytes[this.#length++] = rest;
  }

  column(values: readonly number[]): void {
    for (const value of values) this.number(value);
  }

  /** A column of a table, which has as many rows as its first. */
  rows(values: readonly number[], rows: number): void {
    if (values.length !== rows)
      throw new RangeError(`a column has ${values.length} rows where the first has ${rows}`);
    this.column(values);
  }

  /** A number or none. */
  optional(value: number | undefined): void {
    this.column(value === undefined ? [0] : [1, value]);
  }

  /** Numbers of either sign, or none: none is 0, and the rest are folded so that small ones stay short. */
  signed(values: readonly (number | null)[]): void {
    for (const value of values) this.number(value === null ? 0 : value < 0 ? -2 * value : 2 * value + 1);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A part others can skip: its tag, its length, then what `write` writes. */
  section(tag: number, write: (to: ByteWriter) => void): void {
    const content = new ByteWriter();
    write(content);
    this.number(tag);
    this.number(content.#length);
    this.raw(content.bytes());
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.bytes());
    this.#bytes = grown;
  }
}

/** Reads what ByteWriter wrote; every fault is a SegmentError, and no count is believed before the bytes are there. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(): number {
    const first = this.#bytes[this.#at];
    if (first !== undefined && first < PAYLOAD) {
      this.#at++;
      return first;
    }
    let value = 0;
    for (let factor = 1; factor <= LAST_FACTOR; factor *= PAYLOAD) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new SegmentError("the segment ends inside a number");
      if (byte < PAYLOAD) return safe(value + byte * factor);
      value += (byte - PAYLOAD) * factor;
    }
    throw new SegmentError("a number of the segment is too long");
  }

  /** Passes over so many numbers without making them. */
  skip(numbers: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let left = numbers;
    // Without a branch a byte: this is most of the work of looking for one lease among tens of thousands.
    while (left > 0 && at < bytes.length) left -= ((bytes[at++] as number) >> 7) ^ 1;
    if (left > 0) throw new SegmentError("the segment ends inside a number");
    this.#at = at;
  }

  /** A count of things that take at least `each` bytes. */
  count(each: number): number {
    const count = this.number();
    if (count * each > this.left) throw new SegmentError(`the segment has no room for ${count} rows`);
    return count;
  }

  /** `length` numbers below `limit`. */
  column(length: number, limit = Number.POSITIVE_INFINITY): number[] {
    const values: number[] = [];
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const byte = bytes[this.#at] ?? PAYLOAD;
      const value = byte < PAYLOAD ? byte : this.number();
      if (byte < PAYLOAD) this.#at++;
      if (value >= limit) throw new SegmentError(`the segment has ${value} where numbers are below ${limit}`);
      values.push(value);
    }
    return values;
  }

  optional(): number | undefined {
    return this.number() === 0 ? undefined : this.number();
  }

  /** What `signed` wrote. */
  signed(length: number): (number | null)[] {
    return this.column(length).map(unfolded);
  }

  raw(length: number): Uint8Array {
    if (length > this.left) throw new SegmentError("the segment ends inside its bytes");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** All sections by tag. */
  sections(): Map<number, ByteReader> {
    const sections = new Map<number, ByteReader>();
    while (this.left > 0) {
      const tag = this.number();
      if (sections.has(tag)) throw new SegmentError(`the segment has section ${tag} twice`);
      sections.set(tag, new ByteReader(this.raw(this.number())));
    }
    return sections;
  }

  end(): void {
    if (this.left > 0) throw new SegmentError(`the segment has ${this.left} bytes too many`);
  }
}

/** A number as `signed` folds it. */
export const unfolded = (folded: number): number | null =>
  folded === 0 ? null : folded % 2 === 0 ? folded / -2 : (folded - 1) / 2;

function safe(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER) throw new SegmentError("a number of the segment is too large");
  return value;
}
