import { counted, hundredths, instant, lasting } from "./units.ts";
import type { Unit, Words } from "./words.ts";

/** A value with its unit, in the words of a language. */
export function valued(value: number, unit: Unit, words: Words): string {
  if (unit === "ratio") return words.unit(unit, hundredths(value));
  if (unit === "ms") return lasting(value, words.time);
  if (unit === "seconds") return lasting(value * 1_000, words.time);
  if (unit === "at") return instant(value);
  return words.unit(unit, counted(value));
}
