import { MEASURES } from "./holdings.ts";
import type { Amounts, Holdings, Measure } from "./holdings.ts";

const QUANTITIES = ["rows", ...MEASURES] as const;
type Quantity = (typeof QUANTITIES)[number];

/** `amounts`: the most in any one window of a node, added over the nodes. `share` of all entries over the range. */
export type Part = { amounts: Amounts; share: number };

export type Tallied = {
  listed: (Part & { key: string })[];
  /** Everyone not listed, taken together. */
  remainder: Part;
  total: Part;
  /** No listed row lacks what was folded away. */
  exact: boolean;
  /** Entries folded away that a listed row may lack; 0 where exact. */
  unlisted: number;
  windows: number;
};

/** Adds up windows for the keys to list and for everyone else. */
export class Tally {
  readonly #listed: Map<string, Sum>;
  readonly #remainder = new Sum();
  readonly #total = new Sum();
  readonly #unlisted = new Sum();
  readonly #filtered: boolean;
  #nodeId = 0;
  #exact = true;
  #windows = 0;

  /** `filtered`: holdings leave out what does not match; of what was folded away nobody knows whether it does. */
  constructor(keys: readonly string[], filtered: boolean) {
    this.#listed = new Map(keys.map((key) => [key, new Sum()]));
    this.#filtered = filtered;
  }

  /** Windows come node by node. */
  add(nodeId: number, holdings: Holdings): void {
    if (nodeId !== this.#nodeId) this.#finishNode();
    this.#nodeId = nodeId;
    this.#windows++;
    const listed = this.#addListed(holdings);
    this.#total.add(holdings.total);
    this.#remainder.add(without(holdings.total, listed));
    if (holdings.folded !== undefined && (this.#filtered || listed.rows < this.#listed.size)) {
      this.#exact = false;
      this.#unlisted.add({ rows: 0, entries: holdings.folded });
    }
  }

  result(): Tallied {
    this.#finishNode();
    const all = this.#total.entries;
    const part = (sum: Sum): Part => ({ amounts: sum.most, share: all === 0 ? 0 : sum.entries / all });
    return {
      listed: [...this.#listed].map(([key, sum]) => ({ key, ...part(sum) })),
      remainder: part(this.#remainder),
      total: part(this.#total),
      exact: this.#exact,
      unlisted: this.#unlisted.most.entries ?? 0,
      windows: this.#windows,
    };
  }

  #addListed({ keys, columns }: Holdings): Amounts {
    const together: Amounts = { rows: 0 };
    for (const [i, key] of keys.entries()) {
      const sum = this.#listed.get(key);
      if (!sum) continue;
      const row = rowAt(columns, i);
      sum.add(row);
      for (const quantity of QUANTITIES) accumulate(together, quantity, row[quantity]);
    }
    return together;
  }

  #finishNode(): void {
    for (const sum of this.#listed.values()) sum.finishNode();
    for (const sum of [this.#remainder, this.#total, this.#unlisted]) sum.finishNode();
  }
}

/** The most in any one window of a node, added over the nodes; and all entries there were. */
class Sum {
  readonly most: Amounts = { rows: 0 };
  entries = 0;
  #node: Amounts = { rows: 0 };

  add(window: Amounts): void {
    this.entries += window.entries ?? 0;
    for (const quantity of QUANTITIES) {
      const value = window[quantity];
      if (value !== undefined) this.#node[quantity] = Math.max(this.#node[quantity] ?? 0, value);
    }
  }

  finishNode(): void {
    for (const quantity of QUANTITIES) accumulate(this.most, quantity, this.#node[quantity]);
    this.#node = { rows: 0 };
  }
}

function accumulate(to: Amounts, quantity: Quantity, value: number | undefined): void {
  if (value !== undefined) to[quantity] = (to[quantity] ?? 0) + value;
}

function rowAt(columns: Partial<Record<Measure, readonly number[]>>, i: number): Amounts {
  const row: Amounts = { rows: 1 };
  for (const measure of MEASURES) {
    const value = columns[measure]?.[i];
    if (value !== undefined) row[measure] = value;
  }
  return row;
}

function without(total: Amounts, part: Amounts): Amounts {
  const rest: Amounts = { rows: 0 };
  for (const quantity of QUANTITIES) {
    const value = total[quantity];
    if (value !== undefined) rest[quantity] = value - (part[quantity] ?? 0);
  }
  return rest;
}
