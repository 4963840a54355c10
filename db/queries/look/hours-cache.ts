import type { Slot } from "../../look.ts";

/** Hours of nodes around a time of day, kept between looks by whoever owns it. */
export class HoursCache {
  readonly #hours = new Map<string, readonly Slot[]>();

  get size(): number {
    return this.#hours.size;
  }
}
