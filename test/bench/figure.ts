/** One measured figure; `bar` says what it has to reach, in words of the same unit. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  bar?: string;
}

/** Value below which the given share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);
