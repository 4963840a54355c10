import { SLOT_COUNTS, SLOT_GAUGES } from "../look.ts";
import type { Slot } from "../look.ts";

const RANGE = ["min", "max", "last", "mean"] as const;
const HEAD = 4;
const WIDTH = HEAD + SLOT_GAUGES.length * RANGE.length + SLOT_COUNTS.length;

/** Slots as plain numbers: a fifth of the memory, for those that are kept. What is not known is NaN. */
export class Packed {
  readonly #values: Float64Array;

  constructor(slots: readonly Slot[]) {
    this.#values = new Float64Array(slots.length * WIDTH).fill(Number.NaN);
    for (const [i, { start, end, coveredMs, max = Number.NaN, gauges, counts }] of slots.entries()) {
      const numbers = [start, end, coveredMs, max];
      for (const name of SLOT_GAUGES)
        numbers.push(...RANGE.map((value) => gauges[name]?.[value] ?? Number.NaN));
      for (const name of SLOT_COUNTS) numbers.push(counts[name] ?? Number.NaN);
      this.#values.set(numbers, i * WIDTH);
    }
  }

  slots(): Slot[] {
    return Array.from({ length: this.#values.length / WIDTH }, (_, i) => this.#slot(i * WIDTH));
  }

  #slot(begin: number): Slot {
    const at = (place: number) => this.#values[begin + place] ?? Number.NaN;
    const slot: Slot = { start: at(0), end: at(1), coveredMs: at(2), gauges: {}, counts: {} };
    if (!Number.isNaN(at(3))) slot.max = at(3);
    let place = HEAD;
    for (const name of SLOT_GAUGES) {
      const [min, max, last, mean] = [at(place), at(place + 1), at(place + 2), at(place + 3)];
      if (!Number.isNaN(mean)) slot.gauges[name] = { min, max, last, mean };
      place += RANGE.length;
    }
    for (const name of SLOT_COUNTS) {
      const value = at(place++);
      if (!Number.isNaN(value)) slot.counts[name] = value;
    }
    return slot;
  }
}
