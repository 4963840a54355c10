import { allKeys, type Choose, topKeys } from "./fold/choose.ts";
import { Apart, type PrunableColumn, Sum } from "./fold/column.ts";
import { isUnowned } from "./fold/keys.ts";
import { clusterTables, type FoldWindow, nodeTables } from "./fold/leaf.ts";
import { COUNTS, GAUGES, MEASURES } from "./fold/measures.ts";
import { mergeInTime, Merger } from "./fold/merge.ts";
import { without } from "./fold/regroup.ts";
import { CLUSTER_DIMENSIONS, NODE_DIMENSIONS } from "./fold/table.ts";
import type { Bucket, Dimension, Holders, Table } from "./fold/table.ts";

export type { FoldWindow } from "./fold/leaf.ts";

/** [start, end) of a bucket, epoch ms. */
export type Slot = { start: number; end: number };

/** As many as a report lists of all measures together: no bucket of a node lists less than its reports did, by any one. */
export const NODE_KEYS = 512;
/** By each measure, of which few lead in many: some 600 rows a table, and eight tables stay far below the largest blob. */
export const CLUSTER_KEYS = 256;
/**
 * Keys at once in one table of a cluster while it is folded; beyond, all but the largest are folded into the rest: a Worker has 128 MB,
 * and a key with what belongs to it takes some 300 bytes.
 */
export const MAX_CANDIDATES = 32_768;
/** By each measure: at most half of the candidates stay. */
const KEPT_CANDIDATES = Math.floor(MAX_CANDIDATES / 2 / MEASURES.length);

/** Dimensions whose keys name the node, so that nodes have none in common; what has no owner is apart from that. */
const APART: ReadonlySet<Dimension> = new Set(["owner", "node", "flow"]);
/** In these, what has no owner is one row, and always listed. */
const UNOWNED: ReadonlySet<Dimension> = new Set(["owner", "workload", "namespace"]);

/** The bucket of a node. Windows that reach into the slot give it their gauges, those that begin in it their counts. */
export function foldWindows(slot: Slot, windows: readonly FoldWindow[], holders: Holders): Bucket {
  const parts = partsOf(slot, windows, (window) => nodeTables(window, holders));
  return mergedInTime(parts, NODE_DIMENSIONS, (dimension) => choiceOf(dimension, NODE_KEYS));
}

/** The bucket of a cluster, of the windows of its nodes. The same in whatever order nodes come, up to MAX_CANDIDATES of a table. */
export class ClusterFold {
  readonly #slot: Slot;
  readonly #mergers = CLUSTER_DIMENSIONS.map((dimension) => ({ dimension, merger: acrossNodes(dimension) }));

  constructor(slot: Slot) {
    this.#slot = slot;
  }

  /** Once a node, with all its windows that reach into the slot. */
  add(node: string, windows: readonly FoldWindow[], holders: Holders): void {
    const parts = partsOf(this.#slot, windows, (window) => clusterTables(window, node, holders));
    const bucket = mergedInTime(parts, CLUSTER_DIMENSIONS, () => allKeys);
    for (const { dimension, merger } of this.#mergers) {
      const table = bucket[dimension];
      if (table) merger.add(table);
      if (merger.size > MAX_CANDIDATES) merger.prune(choiceOf(dimension, KEPT_CANDIDATES));
    }
  }

  finish(): Bucket {
    const bucket: Bucket = {};
    for (const { dimension, merger } of this.#mergers)
      bucket[dimension] = merger.finish(choiceOf(dimension, CLUSTER_KEYS));
    return bucket;
  }
}

/** The bucket of a longer slot, of the same node or cluster, from those in it. */
export function foldBuckets(buckets: readonly Bucket[]): Bucket {
  return {
    ...mergedInTime(buckets, NODE_DIMENSIONS, (dimension) => choiceOf(dimension, NODE_KEYS)),
    ...mergedInTime(buckets, CLUSTER_DIMENSIONS, (dimension) => choiceOf(dimension, CLUSTER_KEYS)),
  };
}

function acrossNodes(dimension: Dimension): Merger<PrunableColumn> {
  const apart = APART.has(dimension);
  return new Merger<PrunableColumn>(() => (apart ? new Apart() : new Sum()), { apart });
}

const choiceOf = (dimension: Dimension, k: number): Choose =>
  topKeys(k, UNOWNED.has(dimension) ? isUnowned : undefined);

function mergedInTime(
  buckets: readonly Bucket[],
  dimensions: readonly Dimension[],
  choose: (dimension: Dimension) => Choose,
): Bucket {
  const merged: Bucket = {};
  for (const dimension of dimensions) {
    const tables = buckets.flatMap((bucket) => bucket[dimension] ?? []);
    if (tables.length > 0) merged[dimension] = mergeInTime(tables, choose(dimension));
  }
  return merged;
}

/** What each window gives to the slot. */
function partsOf(
  slot: Slot,
  windows: readonly FoldWindow[],
  tablesOf: (window: FoldWindow) => Bucket,
): Bucket[] {
  return windows.flatMap((window): Bucket[] => {
    const reaches = window.start < slot.end && window.end > slot.start;
    const begins = window.start >= slot.start && window.start < slot.end;
    if (reaches && begins) return [tablesOf(window)];
    if (!reaches && !begins) return [];
    const left = reaches ? COUNTS : GAUGES;
    const tables = Object.entries(tablesOf(window)) as [Dimension, Table][];
    return [Object.fromEntries(tables.map(([dimension, table]) => [dimension, without(table, left)]))];
  });
}
