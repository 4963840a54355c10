import type { Amounts, Measure } from "../fold/measures.ts";

export { COUNTS, isCount, MEASURES } from "../fold/measures.ts";
export type { Amounts, Count, Measure } from "../fold/measures.ts";

/** Who held what in one window: a row a key, and all of it together. What is not known is missing. */
export type Holdings = {
  keys: readonly string[];
  columns: Partial<Record<Measure, readonly number[] | undefined>>;
  /** All rows together, those the report folded away included. */
  total: Amounts;
  /** Entries the report folded away, which may belong to any key; undefined where it folded nothing. */
  folded?: number | undefined;
  /** Of these, at most so many may belong even to a key that is there; undefined where such a row is whole. */
  blurred?: number | undefined;
};

/** Whether the rows of a window say how much each had of it: a count may be what nobody counts, as bytes without accounting. */
export const knows = ({ keys, columns }: Holdings, metric: Measure): boolean =>
  keys.length > 0 && columns[metric] !== undefined;
