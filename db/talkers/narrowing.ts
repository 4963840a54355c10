import { mergeAcross } from "../fold/merge.ts";
import { grouped, regroup } from "../fold/regroup.ts";
import type { Dimension, Table } from "../fold/table.ts";
import { BY, keysOf, tableFor } from "./source.ts";
import type { By, Filter, Scope } from "./source.ts";

/** Makes of stored tables those of the rows that were asked for. */
export class Narrowing {
  /** The table to read. */
  readonly dimension: Dimension;
  #peaksAdded = false;
  readonly #by: By;
  readonly #filter: Filter;
  /** By node: the same keys come again in each slot. */
  readonly #known = new Map<
    string,
    { keys: Map<string, string | undefined>; of: ReturnType<typeof keysOf> }
  >();

  constructor(by: By, filter: Filter, scope: Scope) {
    this.#by = by;
    this.#filter = filter;
    this.dimension = tableFor(by, filter, scope);
  }

  /** Whether rows were put together of several whose gauges may have been at their most at different times. */
  get peaksAdded(): boolean {
    return this.#peaksAdded;
  }

  /** The rows that match, as they are asked for; `node` is the name of the node whose table it is. */
  table(table: Table, node = ""): Table {
    const known = this.#known.get(node) ?? {
      keys: new Map(),
      of: keysOf(this.dimension, this.#by, this.#filter, node),
    };
    this.#known.set(node, known);
    const { keys, of } = known;
    if (!of) return table;
    let rows = 0;
    const keyOf = (row: number) => {
      const key = table.keys[row] ?? "";
      if (!keys.has(key)) keys.set(key, of(key));
      const found = keys.get(key);
      if (found !== undefined) rows++;
      return found;
    };
    if (this.dimension === BY[this.#by]) return filtered(table, keyOf);
    const narrowed = regroup(table, keyOf);
    if (rows > narrowed.keys.length) this.#peaksAdded = true;
    return narrowed;
  }

  /** Tables of several nodes in the same slot, as one. */
  together(tables: readonly Table[]): Table {
    const [first] = tables;
    if (first && tables.length === 1) return first;
    const together = mergeAcross(tables);
    const rows = tables.reduce((sum, { keys }) => sum + keys.length, 0);
    if (rows > together.keys.length) this.#peaksAdded = true;
    return together;
  }
}

/** Rows that stand as they are lack no more than before. Nobody knows what of the rest would match. */
function filtered(table: Table, keyOf: (row: number) => string | undefined): Table {
  const { keys, columns } = grouped(table, keyOf);
  return { keys, columns, rest: { rows: 0 }, lack: table.lack, miss: table.miss };
}
