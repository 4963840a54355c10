import { allKeys, type Candidates, type Choose, compare, rowsUpTo } from "./choose.ts";
import { Apart, type Column, listing, mostUnlisted, Peak, type PrunableColumn, Sum } from "./column.ts";
import { isUnowned } from "./keys.ts";
import { isCount, MEASURES } from "./measures.ts";
import type { Amounts, Measure } from "./measures.ts";
import type { Bounds, Table } from "./table.ts";
import { Texts } from "./texts.ts";
import type { Rows } from "./window-rows.ts";

/**
 * One table of those of slots one after another. Of gauges it has the most in any one slot, for each row and for all others
 * together; counts add up. A part that does not know a measure counts as if it had 0 of it, and its bounds cannot tell.
 */
export function mergeInTime(tables: readonly Table[], choose: Choose = allKeys): Table {
  return merged(new Merger((measure) => (isCount(measure) ? new Sum() : new Peak())), tables, choose);
}

/** One table of those of nodes or clusters side by side: everything adds up. */
export function mergeAcross(tables: readonly Table[], choose: Choose = allKeys): Table {
  return merged(new Merger(() => new Sum()), tables, choose);
}

/**
 * The same for tables that have no key in common but that of what has no owner: what one of them lists is not in the others, so
 * that nothing of it is missed there.
 */
export function mergeApart(tables: readonly Table[], choose: Choose = allKeys): Table {
  return merged(new Merger(() => new Apart(), { apart: true }), tables, choose);
}

function merged(merger: Merger<Column>, tables: readonly Table[], choose: Choose): Table {
  for (const table of tables) merger.add(table);
  return merger.finish(choose);
}

/** Numbers keys as they come. */
export interface Keys {
  readonly size: number;
  keyOf(number: number): string;
  /** Leaves the keys of these numbers, which become 0, 1, 2 and so on. */
  keep(numbers: Int32Array): void;
}

/** Adds up rows whose keys are numbered. */
export class RowMerger<OfMeasure extends Column> {
  readonly #keys: Keys;
  readonly #columns = new Map<Measure, OfMeasure>();
  readonly #create: (measure: Measure) => OfMeasure;
  readonly #apart: boolean;
  /** Distinct keys that were here, no fewer than. */
  #seen = 0;
  #gone = 0;
  /** Distinct keys there are, no fewer than; of tables without a key in common, what they folded away. */
  #there = 0;
  /** Measures whose rest may be less than what a row is short of, as that of tables of which rows were filtered out. */
  readonly #open = new Set<Measure>();

  /** `apart`: see mergeApart. */
  constructor(keys: Keys, create: (measure: Measure) => OfMeasure, { apart = false } = {}) {
    this.#keys = keys;
    this.#create = create;
    this.#apart = apart;
  }

  /** Keys that may be listed. */
  get size(): number {
    return this.#keys.size;
  }

  /** `ids`: the number of each row's key, each once. */
  addRows({ columns, rest, lack, miss }: Omit<Rows, "size">, ids: Int32Array): void {
    this.#seen = Math.max(this.#seen, this.size + this.#gone);
    this.#there = this.#apart ? this.#there + rest.rows : Math.max(this.#there, ids.length + rest.rows);
    for (const measure of MEASURES) {
      const values = columns[measure];
      if (!values) continue;
      const part = { values, rest: rest[measure] ?? 0, lack: lack[measure] ?? 0, miss: miss[measure] };
      if (Math.max(part.lack, part.miss ?? 0) > part.rest) this.#open.add(measure);
      const column = this.#columnOf(measure);
      column.grow(this.size);
      column.add(part, ids);
    }
  }

  /** Folds all but the chosen keys into the rest. One of them that comes again begins anew, and lacks what it had. */
  prune(this: RowMerger<PrunableColumn>, choose: Choose): void {
    const rows = Int32Array.from(choose(this.#candidates()));
    if (this.#apart) this.#gone += this.size - rows.length;
    for (const column of this.#columns.values()) column.keep(rows);
    this.#keys.keep(rows);
  }

  /** All rows in the order of their numbers. */
  rows(): Rows {
    const rows = rowsUpTo(this.size);
    const candidates = this.#candidates();
    return { size: rows.length, columns: candidates.columns, ...this.#unlisted(candidates, rows) };
  }

  finish(choose: Choose): Table {
    const candidates = this.#candidates();
    const chosen = Array.from(choose(candidates), (row) => ({ row, key: candidates.keyOf(row) }));
    chosen.sort((a, b) => compare(a.key, b.key));
    const rows = chosen.map(({ row }) => row);
    const columns: Table["columns"] = {};
    for (const [measure, { values }] of this.#columns) columns[measure] = rows.map((row) => values[row] ?? 0);
    return { keys: chosen.map(({ key }) => key), columns, ...this.#unlisted(candidates, rows) };
  }

  /** What is said of all but these rows, and of what they lack. */
  #unlisted({ keyOf }: Candidates, rows: readonly number[]): Pick<Table, "rest" | "lack" | "miss"> {
    const listed = listing(rows, this.size);
    // Nobody says what the row of what has no owner lacks on nodes that have none.
    const bounded = this.#apart ? rows.filter((row) => !isUnowned(keyOf(row))) : rows;
    const there = this.#apart ? this.#seen + this.#there : Math.max(this.#seen, this.#there);
    const rest: Amounts = { rows: there - rows.length };
    const [lack, miss]: [Bounds, Bounds] = [{}, {}];
    for (const measure of MEASURES) {
      const column = this.#columns.get(measure);
      if (!column) continue;
      if (measure !== "peers") rest[measure] = column.rest(listed);
      // What rows lack is in the rest, unless something was filtered out.
      const most = this.#open.has(measure) ? undefined : rest[measure];
      const short = atMost(most, mostShort(column, bounded));
      if (short > 0) lack[measure] = short;
      const missed = mostUnlisted(column, listed);
      if (missed !== undefined) miss[measure] = atMost(most, missed);
    }
    return { rest, lack, miss };
  }

  #candidates(): Candidates {
    const { size } = this;
    const keyOf = (row: number) => this.#keys.keyOf(row);
    const columns: Partial<Record<Measure, ArrayLike<number>>> = {};
    // Not all parts have all measures.
    for (const [measure, column] of this.#columns) {
      column.grow(size);
      columns[measure] = column.values;
    }
    return {
      size,
      keyOf,
      columns,
      get keys() {
        return Array.from({ length: size }, (_, row) => keyOf(row));
      },
    };
  }

  #columnOf(measure: Measure): OfMeasure {
    const known = this.#columns.get(measure);
    if (known) return known;
    const column = this.#create(measure);
    this.#columns.set(measure, column);
    return column;
  }
}

/** Adds up tables one by one. */
export class Merger<OfMeasure extends Column> extends RowMerger<OfMeasure> {
  readonly #texts: Texts;

  constructor(create: (measure: Measure) => OfMeasure, options?: { apart?: boolean }) {
    const texts = new Texts();
    super(texts, create, options);
    this.#texts = texts;
  }

  add(table: Table): void {
    this.addRows(table, this.#texts.numbers(table.keys));
  }
}

const mostShort = (column: Column, rows: readonly number[]) =>
  rows.reduce((most, row) => Math.max(most, column.short(row)), 0);

const atMost = (bound = Number.POSITIVE_INFINITY, value: number) => Math.min(bound, value);
