import type { Db } from "../../client.ts";

/** What can be wrong; part of what is printed, so names stay. */
export type ProblemKind =
  | "file"
  | "undecodable-flows"
  | "undecodable-details"
  | "undecodable-bucket"
  | "unpaired"
  | "orphan"
  | "misplaced"
  | "sums"
  | "flows-differ"
  | "gauges-differ"
  | "unfoldable";

/** One thing that is wrong: where, and in words. */
export type Problem = { kind: ProblemKind; where: string; message: string };

/** Asks of one moment: what is written meanwhile is not seen before the next look. */
export type Look = <T>(ask: (db: Db) => Promise<T>) => Promise<T>;

/** What is found, one after another; `checked` counts what was looked at. */
export type Findings = AsyncGenerator<Problem>;
export type Checked = { segments: number; buckets: number; recomputed: number };

export const timeOf = (at: number) => new Date(at).toISOString();
