import { MEASURES } from "./measures.ts";
import type { Measure } from "./measures.ts";
import type { Bounds, Table } from "./table.ts";
import { restOf } from "./window-rows.ts";

/** A table, or rows that have no keys yet. */
type Rows = Pick<Table, "columns"> & ({ keys: readonly string[] } | { size: number });
type Groupable = Rows & Omit<Table, "keys" | "columns">;

/**
 * Groups the rows of a table under other keys; rows without a key are left out. What rows have adds up: over more than one window
 * the gauges of a group may be more than its rows held at once. Whatever the table had no row for may be of any one group, so that
 * its rest bounds them all; where rows were left out nobody knows what of the rest is theirs: the bounds keep it, the rest is
 * empty. Regroup before merging: the bounds of a merged table with an emptied rest hold for its own rows alone.
 */
export function regroup(table: Groupable, keyOf: (row: number) => string | undefined): Table {
  const { rest, lack, miss } = table;
  const bounds: Bounds = {};
  for (const measure of MEASURES) {
    const bound = Math.max(restOf(rest, measure), lack[measure] ?? 0, miss[measure] ?? 0);
    if (table.columns[measure] && (miss[measure] !== undefined || bound > 0)) bounds[measure] = bound;
  }
  const { keys, columns, whole } = grouped(table, keyOf);
  return {
    keys,
    columns,
    rest: whole ? { ...rest, rows: 0 } : { rows: 0 },
    lack: withoutZeros(bounds),
    miss: bounds,
  };
}

/** The same without bounds; whole: no row was left out. */
export function grouped(
  rows: Rows,
  keyOf: (row: number) => string | undefined,
): Pick<Table, "keys" | "columns"> & { whole: boolean } {
  const { columns } = rows;
  const ids = new Map<string, number>();
  const groups = new Int32Array("size" in rows ? rows.size : rows.keys.length);
  let whole = true;
  for (let row = 0; row < groups.length; row++) {
    const key = keyOf(row);
    if (key === undefined) whole = false;
    const known = key === undefined ? -1 : ids.get(key);
    if (key !== undefined && known === undefined) ids.set(key, ids.size);
    groups[row] = known ?? ids.size - 1;
  }
  const added: Table["columns"] = {};
  for (const measure of MEASURES) {
    const values = columns[measure];
    if (values) added[measure] = sums(values, groups, ids.size);
  }
  return { keys: [...ids.keys()], columns: added, whole };
}

function sums(values: readonly number[], groups: Int32Array, size: number): number[] {
  const sums = Array.from({ length: size }, () => 0);
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row] ?? -1;
    if (group >= 0) sums[group] = (sums[group] ?? 0) + (values[row] ?? 0);
  }
  return sums;
}

const withoutZeros = (bounds: Bounds): Bounds =>
  Object.fromEntries(Object.entries(bounds).filter(([, bound]) => bound > 0));

/** The table as if nobody knew these measures. */
export function without({ keys, ...of }: Table, measures: readonly Measure[]): Table {
  const left = {
    columns: { ...of.columns },
    rest: { ...of.rest },
    lack: { ...of.lack },
    miss: { ...of.miss },
  };
  for (const measure of measures) for (const part of Object.values(left)) delete part[measure];
  return { keys, ...left };
}
