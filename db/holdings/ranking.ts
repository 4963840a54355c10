import { isCount, knows } from "./holdings.ts";
import type { Holdings, Measure } from "./holdings.ts";

/** Beyond this many keys at once the smaller half is forgotten: to matter, it would have to outgrow the larger. */
export const MAX_CANDIDATES = 200_000;

/**
 * Finds the largest keys: by a gauge the most each held in any one window of a node, added over the nodes; by a count, all
 * of it. A count that no row knows ranks nothing: then entries do.
 */
export class Ranking {
  readonly #metric: Measure;
  #known: boolean;
  readonly #all = new Map<string, number>();
  readonly #node = new Map<string, number>();
  #nodeId = 0;
  #complete = true;

  constructor(metric: Measure) {
    this.#metric = metric;
    this.#known = !isCount(metric);
  }

  /** Windows come node by node. */
  add(nodeId: number, holdings: Holdings): void {
    if (nodeId !== this.#nodeId) this.#finishNode();
    this.#nodeId = nodeId;
    if (!this.#known && knows(holdings, this.#metric)) this.#learn();
    const metric = this.#known ? this.#metric : "entries";
    const values = holdings.columns[metric] ?? [];
    for (const [i, key] of holdings.keys.entries()) {
      const value = values[i] ?? 0;
      const before = this.#node.get(key);
      if (isCount(metric)) this.#node.set(key, (before ?? 0) + value);
      else if (value > (before ?? -1)) this.#node.set(key, value);
    }
    this.#prune(this.#node);
  }

  /** Whether every key was ranked. Where the smaller half was forgotten, one that rose slowly may be missing. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Largest first; equal ones in the order of their keys. */
  top(limit: number): string[] {
    this.#finishNode();
    return largest(this.#all, limit).map(([key]) => key);
  }

  /** The first that know it: all before had none that anybody counted. */
  #learn(): void {
    this.#known = true;
    for (const values of [this.#all, this.#node]) for (const key of values.keys()) values.set(key, 0);
  }

  #finishNode(): void {
    for (const [key, value] of this.#node) this.#all.set(key, (this.#all.get(key) ?? 0) + value);
    this.#node.clear();
    this.#prune(this.#all);
  }

  #prune(values: Map<string, number>): void {
    if (values.size <= MAX_CANDIDATES) return;
    this.#complete = false;
    const kept = largest(values, MAX_CANDIDATES / 2);
    values.clear();
    for (const [key, value] of kept) values.set(key, value);
  }
}

function largest(values: Map<string, number>, limit: number): [string, number][] {
  return [...values].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, limit);
}
