/** What a row holds at a moment: over windows, the most of any one of them counts. */
export const GAUGES = ["entries", "snatEntries", "unreplied", "peers"] as const;
/** What happened in a window: over windows it adds up. */
export const COUNTS = ["opened", "closed", "bytes", "packets"] as const;
export const MEASURES = [...GAUGES, ...COUNTS] as const;
export type Measure = (typeof MEASURES)[number];
export type Count = (typeof COUNTS)[number];

export const isCount = (quantity: string): quantity is Count => COUNTS.some((count) => count === quantity);

/** `rows` counts them; the rest are measures. What is not known is missing. */
export type Amounts = { rows: number } & Partial<Record<Measure, number>>;
