import { MEASURES } from "../fold/measures.ts";
import { mergeAcross } from "../fold/merge.ts";
import { regroup } from "../fold/regroup.ts";
import type { Dimension, Table } from "../fold/table.ts";
import { dimensionOf, isNarrowing, keysOf, tableFor } from "./source.ts";
import { Texts } from "../fold/texts.ts";
import type { Filter, Form, Scope } from "./source.ts";

/** Makes of stored tables those of the rows that were asked for. */
export class Narrowing {
  /** The table to read. */
  readonly dimension: Dimension;
  #peaksAdded = false;
  readonly #by: Form;
  readonly #filter: Filter;
  readonly #isNarrowed: boolean;
  /** By node: the same keys come again in each slot. */
  readonly #known = new Map<
    string,
    { texts: Texts; found: (string | null | undefined)[]; of: ReturnType<typeof keysOf> }
  >();

  constructor(by: Form, filter: Filter, scope: Scope) {
    this.#by = by;
    this.#filter = filter;
    this.#isNarrowed = isNarrowing(filter);
    this.dimension = tableFor(by, filter, scope);
  }

  /** Whether rows were put together of several whose gauges may have been at their most at different times. */
  get peaksAdded(): boolean {
    return this.#peaksAdded;
  }

  /** The rows that match, as they are asked for; `node` is the name of the node whose table it is. */
  table(table: Table, node = ""): Table {
    const known = this.#known.get(node) ?? {
      texts: new Texts(),
      found: [],
      of: keysOf(this.dimension, this.#by, this.#filter, node),
    };
    this.#known.set(node, known);
    const { texts, found, of } = known;
    if (!of) return table;
    let rows = 0;
    const numbers = texts.numbers(table.keys);
    const keyOf = (row: number) => {
      const number = numbers[row] ?? 0;
      found[number] ??= of(table.keys[row] ?? "") ?? null;
      const key = found[number];
      if (key !== null) rows++;
      return key ?? undefined;
    };
    if (this.dimension === dimensionOf(this.#by)) return filtered(table, keyOf);
    const narrowed = regroup(table, keyOf);
    if (rows > narrowed.keys.length) this.#peaksAdded = true;
    // Even where all rows match, what has none may not.
    return this.#isNarrowed ? { ...narrowed, rest: { rows: 0 } } : narrowed;
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
  const rows = [...table.keys.keys()].filter((row) => keyOf(row) !== undefined);
  const columns: Table["columns"] = {};
  for (const measure of MEASURES) {
    const values = table.columns[measure];
    if (values) columns[measure] = rows.map((row) => values[row] ?? 0);
  }
  const keys = rows.map((row) => table.keys[row] ?? "");
  return { keys, columns, rest: { rows: 0 }, lack: table.lack, miss: table.miss };
}
