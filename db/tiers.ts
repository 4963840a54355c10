/** 0 holds windows as reported; a bucket of a higher tier is a fixed slot of time, folded from the next finer tier. */
export const TIERS = ["window", "minute", "ten-minutes", "hour", "day"] as const;
export type TierName = (typeof TIERS)[number];
export const WINDOW = 0;
/** Of clusters only: so that no question about a whole cluster, however fresh, reads every node's windows. */
export const MINUTE = 1;
export const TEN_MINUTES = 2;
export const HOUR = 3;
/** In UTC. */
export const DAY = 4;
export type Tier = typeof WINDOW | typeof MINUTE | typeof TEN_MINUTES | typeof HOUR | typeof DAY;
export type BucketTier = Exclude<Tier, typeof WINDOW>;

/** Tiers that there are of a cluster and of a node, finest first: buckets are folded in that order. */
export const BUCKET_TIERS = [MINUTE, TEN_MINUTES, HOUR, DAY] as const satisfies BucketTier[];
export const CLUSTER_TIERS: readonly Tier[] = BUCKET_TIERS;
export const NODE_TIERS: readonly Tier[] = [WINDOW, TEN_MINUTES, HOUR, DAY];

/** Length of the slots of a tier, in ms. */
export const SLOT_MS: Readonly<Record<BucketTier, number>> = {
  [MINUTE]: 60_000,
  [TEN_MINUTES]: 600_000,
  [HOUR]: 3_600_000,
  [DAY]: 86_400_000,
};

/** Stands where the id of a node stands, for all nodes of the cluster together. */
export const WHOLE_CLUSTER = 0;

/** Begin of the slot that holds the instant. */
export const slotOf = (tier: BucketTier, at: number): number =>
  Math.floor(at / SLOT_MS[tier]) * SLOT_MS[tier];

/** Whether steps of that length, in ms, are made of whole slots of the tier. */
export const fits = (tier: Tier, stepMs: number): boolean => tier === WINDOW || stepMs % SLOT_MS[tier] === 0;

/** The tier that a bucket is folded from. */
export function finerTier(tier: BucketTier, nodeId: number): Tier {
  const tiers = nodeId === WHOLE_CLUSTER ? CLUSTER_TIERS : NODE_TIERS;
  return tiers[tiers.indexOf(tier) - 1] ?? WINDOW;
}

/** The tier that is folded from it. */
export function coarserTier(tier: BucketTier): BucketTier | undefined {
  return BUCKET_TIERS[BUCKET_TIERS.indexOf(tier) + 1];
}

/**
 * Rows of samples that make up a bucket, by their `sequence`. Gauges have all of them; counts, `windows` and `coveredMs` stand in
 * `sum` alone, `nodes` in `max`. `known`: of how many windows `sum` is the sum, where that is not `windows`; the row is there only
 * where a gauge needs it.
 */
export const AGGREGATES = { max: 0, min: 1, last: 2, sum: 3, known: 4 } as const;
export type Aggregate = keyof typeof AGGREGATES;

/** How long each tier is kept, in ms. */
export type Retention = Readonly<Record<Tier, number>>;

const HOUR_MS = 3_600_000;
/** Windows as long as their leases; minutes for an incident and the day before; a year and the month to compare it with. */
export const DEFAULT_RETENTION: Retention = {
  [WINDOW]: 72 * HOUR_MS,
  [MINUTE]: 48 * HOUR_MS,
  [TEN_MINUTES]: 14 * 24 * HOUR_MS,
  [HOUR]: 400 * 24 * HOUR_MS,
  [DAY]: 400 * 24 * HOUR_MS,
};

/** The clock of a node may run this far ahead: nothing that is kept ends later than that from now. */
export const MAX_AHEAD_MS = 5 * 60_000;

/** A bucket is folded once this has passed since its end: by then the reports of its last windows have come. */
export const SETTLE_MS = 90_000;
