import { type Choose, topKeys, topRows } from "./fold/choose.ts";
import { Apart, type Column, Peak, type PrunableColumn, Sum } from "./fold/column.ts";
import { Distinct } from "./fold/distinct.ts";
import { KeyBook } from "./fold/key-book.ts";
import { isUnowned } from "./fold/keys.ts";
import { type Part, WindowParts } from "./fold/leaf.ts";
import { COUNTS, GAUGES, isCount, type Measure, MEASURES } from "./fold/measures.ts";
import { type Keys, mergeInTime, RowMerger } from "./fold/merge.ts";
import { CLUSTER_DIMENSIONS, NODE_DIMENSIONS } from "./fold/table.ts";
import type { Bucket, Dimension, Holders } from "./fold/table.ts";
import type { FoldWindow, NodeHolders } from "./fold/window-names.ts";

export type { FoldWindow } from "./fold/window-names.ts";

/** [start, end) of a bucket, epoch ms. */
export type Slot = { start: number; end: number };

/** As many as a report lists of all measures together: no bucket of a node lists less than its reports did, by any one. */
export const NODE_KEYS = 512;
/** By each measure: few lead by one alone, so that a table has some 600 rows, and all tables stay far below the largest blob. */
export const CLUSTER_KEYS = 256;
/** There are few of these, and their rows are short: all of them in all but the largest fleets, so that what is said of them is whole. */
const FEW: Partial<Record<Dimension, number>> = { node: 4096, namespace: 1024 };
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
  const book = new KeyBook();
  const parts = partsOf(slot, windows, {
    book,
    holders: book.holdersOn("", holders),
    distinct: new Distinct(),
  });
  const bucket: Bucket = {};
  for (const dimension of parts.length > 0 ? NODE_DIMENSIONS : []) {
    const merger = new RowMerger<Column>(keysOf(book, dimension), inTime);
    for (const partOf of parts) {
      const { rows, ids } = partOf(dimension);
      merger.addRows(rows, ids);
    }
    bucket[dimension] = merger.finish(choiceOf(dimension, NODE_KEYS));
  }
  return bucket;
}

/**
 * The bucket of a cluster, of the windows of its nodes; the same in whatever order nodes come, as long as no table has more
 * than MAX_CANDIDATES keys. A flow between Pods of two nodes is an entry in the tables of both; only the node of its source knows
 * who that is, so that the other's entry counts among what has no owner, and no Pod's flow counts twice.
 */
export class ClusterFold {
  readonly #slot: Slot;
  readonly #book = new KeyBook();
  readonly #mergers = CLUSTER_DIMENSIONS.map((dimension) => {
    const apart = APART.has(dimension);
    const create = (): PrunableColumn => (apart ? new Apart() : new Sum());
    return { dimension, merger: new RowMerger(keysOf(this.#book, dimension), create, { apart }) };
  });
  readonly #inWindow = new Distinct();
  readonly #onNode = new Distinct();

  constructor(slot: Slot) {
    this.#slot = slot;
  }

  /** Once a node, with all its windows that reach into the slot. */
  add(node: string, windows: readonly FoldWindow[], holders: Holders): void {
    const book = this.#book;
    const parts = partsOf(this.#slot, windows, {
      book,
      holders: book.holdersOn(node, holders),
      distinct: this.#inWindow,
    });
    if (parts.length === 0) return;
    for (const { dimension, merger } of this.#mergers) {
      const { rows, ids } = this.#together(parts.map((partOf) => partOf(dimension)));
      merger.addRows(rows, ids);
    }
    for (const { dimension, merger } of this.#mergers)
      if (merger.size > MAX_CANDIDATES) merger.prune(topRows(KEPT_CANDIDATES, alwaysOf(dimension)));
  }

  finish(): Bucket {
    const bucket: Bucket = {};
    for (const { dimension, merger } of this.#mergers)
      bucket[dimension] = merger.finish(choiceOf(dimension, clusterKeys(dimension)));
    return bucket;
  }

  /** The windows of one node. */
  #together(parts: readonly Part[]): Part {
    const [first] = parts;
    if (first && parts.length === 1) return first;
    const distinct = this.#onNode;
    distinct.begin();
    const merger = new RowMerger<Column>(
      unnamed(() => distinct.values.length),
      inTime,
    );
    for (const { rows, ids } of parts) merger.addRows(rows, distinct.numbers(ids));
    return { rows: merger.rows(), ids: Int32Array.from(distinct.values) };
  }
}

/** The bucket of a longer slot, of the same node or cluster, from those in it. */
export function foldBuckets(buckets: readonly Bucket[]): Bucket {
  return {
    ...mergedInTime(buckets, NODE_DIMENSIONS, (dimension) => choiceOf(dimension, NODE_KEYS)),
    ...mergedInTime(buckets, CLUSTER_DIMENSIONS, (dimension) => choiceOf(dimension, clusterKeys(dimension))),
  };
}

/**
 * The same bucket with fewer keys: of each table the largest by each measure, half as many as folding lists, after two halvings a
 * quarter and so on, and at least one; the others are in its rest. Totals and bounds hold as ever.
 */
export function withFewerKeys(bucket: Bucket, halvings: number): Bucket {
  const fewer = (k: number) => Math.max(1, Math.floor(k / 2 ** halvings));
  return {
    ...mergedInTime([bucket], NODE_DIMENSIONS, (dimension) => choiceOf(dimension, fewer(NODE_KEYS))),
    ...mergedInTime([bucket], CLUSTER_DIMENSIONS, (dimension) =>
      choiceOf(dimension, fewer(clusterKeys(dimension))),
    ),
  };
}

const inTime = (measure: Measure): Column => (isCount(measure) ? new Sum() : new Peak());

function keysOf(book: KeyBook, dimension: Dimension): Keys {
  return {
    get size() {
      return book.size(dimension);
    },
    keyOf: (number) => book.text(dimension, number),
    keep: (numbers) => book.keep(dimension, numbers),
  };
}

/** Of rows that get their names later. */
const unnamed = (size: () => number): Keys => ({
  get size() {
    return size();
  },
  keyOf: String,
  keep: () => {},
});

const clusterKeys = (dimension: Dimension) => FEW[dimension] ?? CLUSTER_KEYS;

const alwaysOf = (dimension: Dimension) => (UNOWNED.has(dimension) ? isUnowned : undefined);
const choiceOf = (dimension: Dimension, k: number): Choose => topKeys(k, alwaysOf(dimension));

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
  { book, holders, distinct }: { book: KeyBook; holders: NodeHolders; distinct: Distinct },
): ((dimension: Dimension) => Part)[] {
  return windows.flatMap((window) => {
    const reaches = window.start < slot.end && window.end > slot.start;
    const begins = window.start >= slot.start && window.start < slot.end;
    if (!reaches && !begins) return [];
    const parts = new WindowParts(
      window.segment,
      [...(reaches ? [] : GAUGES), ...(begins ? [] : COUNTS)],
      distinct,
    );
    const numbersOf = book.window(window, holders);
    return [(dimension: Dimension) => parts.part(dimension, numbersOf(dimension))];
  });
}
