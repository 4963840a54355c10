import type { Db } from "../client.ts";
import type { NatClass } from "../segment.ts";

export const TALKER_METRICS = ["entries", "snatEntries", "unreplied", "peers", "bytes", "packets"] as const;
export type TalkerMetric = (typeof TALKER_METRICS)[number];

/** Windows that overlap [from, to) count. Addresses in canonical form (see canonicalAddress). */
export type TalkerQuery = {
  clusterId: number;
  from: number;
  to: number;
  node?: string | undefined;
  /** Names the one row to list: everybody else is the remainder. */
  source?: string | undefined;
  peer?: string | undefined;
  port?: number | undefined;
  protocol?: number | undefined;
  nat?: NatClass | undefined;
  limit: number;
  /** What to rank by; entries by default. */
  metric?: TalkerMetric | undefined;
};

/** Undefined where it is not known (peers of more than one source, bytes without accounting). */
export type Measures = {
  entries: number;
  snatEntries: number;
  unreplied: number;
  bytes?: number | undefined;
  packets?: number | undefined;
};

/**
 * Each measure is the most the source held in any one window of a node, added over the nodes.
 * `share` is its part of all entries over the range: shares of rows and remainder add up to 1.
 */
export type Talker = Measures & { address: string; peers: number; share: number };

export type TalkerAnswer = {
  talkers: Talker[];
  /** Everyone not listed, taken together. */
  remainder: Measures & { sources: number; share: number };
  total: Measures & { sources: number };
  /** False where reports had folded something away that may belong to a row. */
  exact: boolean;
  /** Entries so folded: no row can be short of more than this. 0 where exact. */
  unlisted: number;
  /** Windows that were looked at. */
  windows: number;
};

/** The sources that use the table most, largest first. */
export async function topTalkers(_db: Db, _query: TalkerQuery): Promise<TalkerAnswer> {
  throw new Error("not yet");
}
