import { formatAddress } from "../conntrack/address.ts";
import type { KeyTable } from "./key-table.ts";

/** As many as the wire takes. */
export const MAX_BOOKED = 12_288;

/** The addresses a report names, in order of their bytes, which is also what compresses best. */
export class AddressBook {
  private readonly table: KeyTable;
  /** For each number of the table 0 while it is not named; then its position, counted from 1. */
  private readonly places: Int32Array;
  private size = 0;

  /** @param table which gets no more addresses while the book is in use */
  constructor(table: KeyTable) {
    this.table = table;
    this.places = new Int32Array(table.size);
  }

  add(...numbers: readonly number[]): void {
    for (const number of numbers) if (this.isNew(number)) this.take(number);
  }

  /** Adds all three, or none where they do not all fit. */
  fits(a: number, b: number, c: number): boolean {
    const more = Number(this.isNew(a)) + Number(this.isNew(b)) + Number(this.isNew(c));
    if (this.size + more > MAX_BOOKED) return false;
    if (more > 0) this.add(a, b, c);
    return true;
  }

  /** All addresses as text; from then on each has its position. */
  close(): string[] {
    const { table, places } = this;
    const numbers = new Int32Array(this.size);
    let listed = 0;
    for (let number = 0; number < places.length; number += 1) {
      if (places[number] === 0) continue;
      numbers[listed] = number;
      listed += 1;
    }
    numbers.sort((a, b) => compareAddresses(table, a, b));
    const words = new Int32Array(WORDS.length);
    const texts: string[] = [];
    for (const number of numbers) {
      for (const word of WORDS) words[word] = table.word(number, word);
      places[number] = texts.push(addressText(words));
    }
    return texts;
  }

  position(number: number): number {
    const place = this.places[number] ?? 0;
    return place > 0 ? place - 1 : 0;
  }

  private isNew(number: number): boolean {
    return number >= 0 && this.places[number] === 0;
  }

  private take(number: number): void {
    this.places[number] = 1;
    this.size += 1;
  }
}

const WORDS = [0, 1, 2, 3] as const;
type Word = (typeof WORDS)[number];

function compareAddresses(table: KeyTable, a: number, b: number): number {
  for (let word = 0; word < WORDS.length; word += 1) {
    const difference = (table.word(a, word as Word) >>> 0) - (table.word(b, word as Word) >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

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
