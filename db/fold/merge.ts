import { allKeys, type Candidates, type Choose, compare } from "./choose.ts";
import { Apart, type Column, listing, mostUnlisted, Peak, type PrunableColumn, Sum } from "./column.ts";
import { isUnowned } from "./keys.ts";
import { isCount, MEASURES } from "./measures.ts";
import type { Amounts, Measure } from "./measures.ts";
import type { Bounds, Table } from "./table.ts";

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

/** Adds up tables one by one. */
export class Merger<OfMeasure extends Column> {
  #keys: string[] = [];
  readonly #columns = new Map<Measure, OfMeasure>();
  readonly #ids = new Map<string, number>();
  /** Distinct keys that were here, no fewer than. */
  #seen = 0;
  readonly #create: (measure: Measure) => OfMeasure;
  readonly #apart: boolean;
  #gone = 0;
  /** Distinct keys there are, no fewer than; of tables without a key in common, what they folded away. */
  #there = 0;
  /** Measures whose rest may be less than what a row is short of, as that of tables of which rows were filtered out. */
  readonly #open = new Set<Measure>();

  constructor(create: (measure: Measure) => OfMeasure, { apart = false } = {}) {
    this.#create = create;
    this.#apart = apart;
  }

  add({ keys, columns, rest, lack, miss }: Table): void {
    const ids = new Int32Array(keys.length);
    for (let row = 0; row < ids.length; row++) ids[row] = this.#idOf(keys[row] ?? "");
    this.#seen = Math.max(this.#seen, this.#keys.length + this.#gone);
    this.#there = this.#apart ? this.#there + rest.rows : Math.max(this.#there, keys.length + rest.rows);
    for (const measure of MEASURES) {
      const values = columns[measure];
      if (!values) continue;
      const part = { values, rest: rest[measure] ?? 0, lack: lack[measure] ?? 0, miss: miss[measure] };
      if (Math.max(part.lack, part.miss ?? 0) > part.rest) this.#open.add(measure);
      const column = this.#columnOf(measure);
      column.grow(this.#keys.length);
      column.add(part, ids);
    }
  }

  /** Keys that may be listed. */
  get size(): number {
    return this.#keys.length;
  }

  /** Folds all but the chosen keys into the rest. One of them that comes again begins anew, and lacks what it had. */
  prune(this: Merger<PrunableColumn>, choose: Choose): void {
    this.#grow();
    const rows = Int32Array.from(choose(this.#candidates()));
    if (this.#apart) this.#gone += this.#keys.length - rows.length;
    for (const column of this.#columns.values()) column.keep(rows);
    this.#keys = Array.from(rows, (row) => this.#keys[row] ?? "");
    this.#ids.clear();
    for (const [id, key] of this.#keys.entries()) this.#ids.set(key, id);
  }

  finish(choose: Choose): Table {
    const keys = this.#keys;
    this.#grow();
    const rows = [...choose(this.#candidates())].toSorted((a, b) => compare(keys[a], keys[b]));
    const listed = listing(rows, keys.length);
    // Nobody says what the row of what has no owner lacks on nodes that have none.
    const bounded = this.#apart ? rows.filter((row) => !isUnowned(keys[row] ?? "")) : rows;
    const there = this.#apart ? this.#seen + this.#there : Math.max(this.#seen, this.#there);
    const columns: Table["columns"] = {};
    const rest: Amounts = { rows: there - rows.length };
    const [lack, miss]: [Bounds, Bounds] = [{}, {}];
    for (const measure of MEASURES) {
      const column = this.#columns.get(measure);
      if (!column) continue;
      columns[measure] = rows.map((row) => column.values[row] ?? 0);
      if (measure !== "peers") rest[measure] = column.rest(listed);
      // What rows lack is in the rest, unless something was filtered out.
      const most = this.#open.has(measure) ? undefined : rest[measure];
      const short = atMost(most, mostShort(column, bounded));
      if (short > 0) lack[measure] = short;
      const missed = mostUnlisted(column, listed);
      if (missed !== undefined) miss[measure] = atMost(most, missed);
    }
    return { keys: rows.map((row) => keys[row] ?? ""), columns, rest, lack, miss };
  }

  /** Not all tables have all measures. */
  #grow(): void {
    for (const column of this.#columns.values()) column.grow(this.#keys.length);
  }

  #candidates(): Candidates {
    const columns: Table["columns"] = {};
    for (const [measure, { values }] of this.#columns) columns[measure] = values;
    return { keys: this.#keys, columns };
  }

  #idOf(key: string): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#keys.length);
    return this.#keys.push(key) - 1;
  }

  #columnOf(measure: Measure): OfMeasure {
    const known = this.#columns.get(measure);
    if (known) return known;
    const column = this.#create(measure);
    this.#columns.set(measure, column);
    return column;
  }
}

const mostShort = (column: Column, rows: readonly number[]) =>
  rows.reduce((most, row) => Math.max(most, column.short(row)), 0);

const atMost = (bound = Number.POSITIVE_INFINITY, value: number) => Math.min(bound, value);
