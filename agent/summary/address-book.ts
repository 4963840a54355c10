import { formatAddress } from "../conntrack/address.ts";
import type { KeyTable } from "./key-table.ts";

/** As many as the wire takes. */
export const MAX_BOOKED = 12_288;

/** The addresses a report names, in order of their bytes, which is also what compresses best. */
export class AddressBook {
  private readonly table: KeyTable;
  private readonly used = new Set<number>();
  private positions = new Map<number, number>();

  constructor(table: KeyTable) {
    this.table = table;
  }

  add(...numbers: readonly number[]): void {
    for (const number of numbers) if (number >= 0) this.used.add(number);
  }

  /** Adds all of them, or none where they do not all fit. */
  fits(numbers: readonly number[]): boolean {
    let more = 0;
    for (const number of numbers) if (number >= 0 && !this.used.has(number)) more += 1;
    if (this.used.size + more > MAX_BOOKED) return false;
    this.add(...numbers);
    return true;
  }

  /** All addresses as text; from then on each has its position. */
  close(): string[] {
    const keyed = [...this.used].map((number) => ({ number, words: addressWords(this.table, number) }));
    const ordered = keyed.toSorted((a, b) => compareWords(a.words, b.words));
    this.positions = new Map(ordered.map(({ number }, position) => [number, position]));
    return ordered.map(({ words }) => addressText(Int32Array.from(words)));
  }

  position(number: number): number {
    return this.positions.get(number) ?? 0;
  }
}

const WORDS = [0, 1, 2, 3] as const;

const addressWords = (table: KeyTable, number: number) => WORDS.map((word) => table.word(number, word) >>> 0);

/** Order of two lists of the same length by their first difference. */
export function compareWords(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < a.length; at += 1) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** IPv4 keys are IPv4-mapped: 0:0:ffff and the address. */
function addressText(words: Int32Array): string {
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? formatAddress(words, 3, 4) : formatAddress(words, 0, 6);
}
