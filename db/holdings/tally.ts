import { COUNTS, isCount, knows, MEASURES } from "./holdings.ts";
import type { Amounts, Count, Holdings, Measure } from "./holdings.ts";

const QUANTITIES = ["rows", ...MEASURES] as const;
type Quantity = (typeof QUANTITIES)[number];

/** `amounts`: gauges are the most in any one window of a node, added over the nodes; counts add up. `share`: its part of the total. */
export type Part = { amounts: Amounts; share: number };

export type Tallied = {
  listed: (Part & { key: string })[];
  /** Everyone not listed, taken together. */
  remainder: Part;
  /** Rows and remainder added up. */
  total: Amounts;
  /** Some row knows the metric. Otherwise nobody counts it, and entries rank, are shared and make the answer exact or not. */
  known: boolean;
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
  readonly #lacking = { metric: new Lack(), entries: new Lack() };
  readonly #filtered: boolean;
  readonly #metric: Measure;
  #known: boolean;
  #nodeId = 0;
  #windows = 0;

  /** `filtered`: holdings leave out what does not match; of what was folded away nobody knows whether it does. */
  constructor(keys: readonly string[], { filtered, metric }: { filtered: boolean; metric: Measure }) {
    this.#listed = new Map(keys.map((key) => [key, new Sum()]));
    this.#filtered = filtered;
    this.#metric = metric;
    this.#known = !isCount(metric);
  }

  /** Windows come node by node. */
  add(nodeId: number, holdings: Holdings): void {
    if (nodeId !== this.#nodeId) this.#finishNode();
    this.#nodeId = nodeId;
    this.#windows++;
    const listed = this.#addListed(holdings);
    this.#remainder.add(without(holdings.total, listed));
    this.#known ||= knows(holdings, this.#metric);
    this.#lacking.metric.add(holdings.folded);
    this.#lacking.entries.add(this.#whole(listed) ? holdings.blurred : holdings.folded);
  }

  result(): Tallied {
    this.#finishNode();
    const total: Amounts = { rows: 0 };
    for (const { all } of [...this.#listed.values(), this.#remainder])
      for (const quantity of QUANTITIES) accumulate(total, quantity, all[quantity]);
    const rankedBy = this.#known ? this.#metric : "entries";
    // Peers of several sources do not add up: the same peer may be among them more than once.
    const shared = rankedBy === "peers" ? "entries" : rankedBy;
    const { exact, unlisted } = this.#lacking[rankedBy === "entries" ? "entries" : "metric"];
    const whole = total[shared] ?? 0;
    const part = ({ all }: Sum): Part => ({
      amounts: all,
      share: whole === 0 ? 0 : (all[shared] ?? 0) / whole,
    });
    return {
      listed: [...this.#listed].map(([key, sum]) => ({ key, ...part(sum) })),
      remainder: part(this.#remainder),
      total,
      known: this.#known,
      exact,
      unlisted: unlisted.all.entries ?? 0,
      windows: this.#windows,
    };
  }

  /** Reports list the largest by entries: a row that is listed in them is whole, by that metric and without a filter. */
  #whole(listed: Amounts): boolean {
    return !this.#filtered && listed.rows > 0 && listed.rows === this.#listed.size;
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
    const { metric, entries } = this.#lacking;
    for (const sum of [this.#remainder, metric.unlisted, entries.unlisted]) sum.finishNode();
  }
}

/** Over windows and nodes: of gauges the most in any one window of a node, added over the nodes; counts add up. */
class Sum {
  readonly all: Amounts = { rows: 0 };
  #node: Amounts = { rows: 0 };

  add(window: Amounts): void {
    for (const quantity of QUANTITIES) {
      const value = window[quantity];
      if (value === undefined) continue;
      const before = this.#node[quantity] ?? 0;
      this.#node[quantity] = isCount(quantity) ? before + value : Math.max(before, value);
    }
  }

  finishNode(): void {
    for (const quantity of QUANTITIES) accumulate(this.all, quantity, this.#node[quantity]);
    this.#node = { rows: 0 };
  }
}

/** What listed rows may lack of what was folded away. */
class Lack {
  exact = true;
  readonly unlisted = new Sum();

  /** Entries of a window; undefined where none is lacking. */
  add(entries: number | undefined): void {
    if (entries === undefined) return;
    this.exact = false;
    this.unlisted.add({ rows: 0, entries });
  }
}

/** The counts that are known. */
export function countsOf(amounts: Amounts): { [count in Count]?: number } {
  return Object.fromEntries(
    COUNTS.flatMap((count) => (amounts[count] === undefined ? [] : [[count, amounts[count]]])),
  );
}

function accumulate(to: Amounts, quantity: Quantity, value: number | undefined): void {
  if (value !== undefined) to[quantity] = (to[quantity] ?? 0) + value;
}

function rowAt(columns: Holdings["columns"], i: number): Amounts {
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
