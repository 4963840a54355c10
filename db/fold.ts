import type { Bucket, Holders } from "./fold/table.ts";
import type { Segment } from "./segment.ts";

/** [start, end) of a bucket, epoch ms. */
export type Slot = { start: number; end: number };
export type FoldWindow = { start: number; end: number; segment: Segment };

/** The bucket of a node. Windows that reach into the slot give it their gauges, those that begin in it their counts. */
export function foldWindows(_slot: Slot, _windows: readonly FoldWindow[], _holders: Holders): Bucket {
  throw new Error("to be written");
}

/** The bucket of a cluster, of the windows of its nodes. */
export class ClusterFold {
  constructor(_slot: Slot) {}
  add(_node: string, _windows: readonly FoldWindow[], _holders: Holders): void {}
  finish(): Bucket {
    throw new Error("to be written");
  }
}

/** The bucket of a longer slot, of the same node or cluster, from those in it. */
export function foldBuckets(_buckets: readonly Bucket[]): Bucket {
  throw new Error("to be written");
}
