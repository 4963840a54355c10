import { Entry, type Sink } from "./entry.ts";
import { newLine, readLine } from "./line.ts";
import { addUnreadable, lineText, noneUnreadable, type Unreadable } from "./unreadable.ts";

const NEWLINE = 0x0a;

/** A line of procfs fits in a page; connlabels by name, of which there are 128, can make one of the command longer. */
export const MAX_LINE_BYTES = 16_384;

/** Turns text that comes in chunks into rows, in memory that does not grow. */
export class TextScanner {
  /** Rows handed to the sink. */
  entries = 0;
  /** Lines that are no rows or longer than MAX_LINE_BYTES; empty ones are neither. */
  readonly unreadable: Unreadable = noneUnreadable();

  readonly #sink: Sink;
  readonly #entry = new Entry();
  /** The beginning of a line whose end is yet to come, and how much there is of it. */
  readonly #carry = new Uint8Array(MAX_LINE_BYTES);
  readonly #line = newLine(this.#entry, this.#carry);
  #carried = 0;
  /** The line in hand did not fit into the carry. */
  #overlong = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Reads a chunk, which may end anywhere in a line and is not kept. */
  push(chunk: Uint8Array): void {
    let at = 0;
    let newline = chunk.indexOf(NEWLINE);
    if (this.#carried > 0 && newline >= 0) {
      this.#keep(chunk, 0, newline);
      this.end();
      at = newline + 1;
      newline = chunk.indexOf(NEWLINE, at);
    }
    while (newline >= 0) {
      this.#scan(chunk, at, newline);
      at = newline + 1;
      newline = chunk.indexOf(NEWLINE, at);
    }
    this.#keep(chunk, at, chunk.length);
  }

  /** Reads what is left when the text does not end with a newline. */
  end(): void {
    const carried = this.#carried;
    this.#carried = 0;
    if (this.#overlong) addUnreadable(this.unreadable, () => lineText(this.#carry, 0, carried));
    else this.#scan(this.#carry, 0, carried);
    this.#overlong = false;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const fits = Math.min(end - start, MAX_LINE_BYTES - this.#carried);
    this.#carry.set(chunk.subarray(start, start + fits), this.#carried);
    this.#carried += fits;
    this.#overlong ||= start + fits < end;
  }

  #scan(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    const line = this.#line;
    line.bytes = bytes;
    line.at = start;
    line.end = end;
    if (end - start <= MAX_LINE_BYTES && readLine(line)) {
      this.entries += 1;
      this.#sink(this.#entry);
    } else addUnreadable(this.unreadable, () => lineText(bytes, start, end));
  }
}
