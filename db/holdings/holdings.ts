/** What a row holds at a moment: over windows, the most of any one of them counts. */
export const GAUGES = ["entries", "snatEntries", "unreplied", "peers"] as const;
/** What happened in a window: over windows it adds up. */
export const COUNTS = ["opened", "closed", "bytes", "packets"] as const;
export const MEASURES = [...GAUGES, ...COUNTS] as const;
export type Measure = (typeof MEASURES)[number];
export type Count = (typeof COUNTS)[number];

export const isCount = (quantity: string): quantity is Count => COUNTS.some((count) => count === quantity);

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

/** `rows` counts them; the rest are measures. */
export type Amounts = { rows: number } & Partial<Record<Measure, number>>;
