export const MEASURES = ["entries", "snatEntries", "unreplied", "peers", "bytes", "packets"] as const;
export type Measure = (typeof MEASURES)[number];

/** Who held what in one window: a row a key, and all of it together. What is not known is missing. */
export type Holdings = {
  keys: readonly string[];
  columns: Partial<Record<Measure, readonly number[]>>;
  /** All rows together, those the report folded away included. */
  total: Amounts;
  /** Entries the report folded away, which may belong to any key; undefined where it folded nothing. */
  folded?: number | undefined;
};

/** `rows` counts them; the rest are measures. */
export type Amounts = { rows: number } & Partial<Record<Measure, number>>;
