import type { StoredReport } from "../../../db/queries/reports.ts";
import type { BucketTier } from "../../../db/tiers.ts";

/** Of a node by its name, or of the whole cluster. */
export type Of = string | null;

export interface BucketRow {
  tier: BucketTier;
  node: Of;
  start: number;
  data: Uint8Array;
}

/** A row of samples of a bucket; `values` by column. */
export interface SampleRow {
  tier: BucketTier;
  node: Of;
  start: number;
  aggregate: number;
  values: Record<string, number | null>;
}

export interface Said {
  node: string;
  from: number;
  to: number;
  owners?: unknown;
  host?: unknown;
}

/** A stretch of the history of one cluster, as it goes into the database. */
export interface Parcel {
  cluster: string;
  /** All up to here is made. */
  until: number;
  stored: StoredReport[];
  said: Said[];
  buckets: BucketRow[];
  samples: SampleRow[];
  /** Slots of which the samples follow from finer ones that are in the database, finest first. */
  folds: { tier: BucketTier; start: number; of: "nodes" | "cluster" | "both" }[];
}

/** When each part of a history begins and ends, epoch ms, each at a whole hour. */
export interface Eras {
  /** Hours alone, of one look a node and hour. */
  hours: number;
  /** From here on ten minutes and hours, of one look a node and ten minutes. */
  tenMinutes: number;
  /** From here on windows, with the ten minutes and hours that are folded from them. */
  windows: number;
  /** From here on also minutes of the cluster, which are most of the buckets. */
  minutes: number;
  /** From here on windows which the service folds itself. */
  tail: number;
  end: number;
}
