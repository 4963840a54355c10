import { MEASURES } from "./measures.ts";
import type { Measure } from "./measures.ts";
import type { Bounds, Table } from "./table.ts";
import { restOf, type Rows } from "./window-rows.ts";

type Bounded = Omit<Rows, "size">;

/**
 * Groups the rows of a table under other keys; rows without a key are left out. What rows have adds up: over more than one window
 * the gauges of a group may be more than its rows held at once. Whatever the table had no row for may be of any one group, so that
 * its rest bounds them all; where rows were left out nobody knows what of the rest is theirs: the bounds keep it, the rest is
 * empty. Regroup before merging: the bounds of a merged table with an emptied rest hold for its own rows alone.
 */
export function regroup(table: Table, keyOf: (row: number) => string | undefined): Table {
  const { keys, columns, whole } = grouped(table, keyOf);
  const bounded = { keys, columns, ...boundsOfGroups(table) };
  return whole ? bounded : { ...bounded, rest: { rows: 0 } };
}

/** What of rows grouped under other keys is not listed. */
export function boundsOfGroups({
  columns,
  rest,
  lack,
  miss,
}: Bounded): Pick<Table, "rest" | "lack" | "miss"> {
  const bounds: { lack: Bounds; miss: Bounds } = { lack: {}, miss: {} };
  for (const measure of MEASURES) {
    const bound = Math.max(restOf(rest, measure), lack[measure] ?? 0, miss[measure] ?? 0);
    if (!columns[measure]) continue;
    if (bound > 0) bounds.lack[measure] = bound;
    if (bound > 0 || miss[measure] !== undefined) bounds.miss[measure] = bound;
  }
  return { rest: { ...rest, rows: 0 }, ...bounds };
}

/** The same without bounds; whole: no row was left out. */
export function grouped(
  { keys, columns }: Pick<Table, "keys" | "columns">,
  keyOf: (row: number) => string | undefined,
): Pick<Table, "keys" | "columns"> & { whole: boolean } {
  const ids = new Map<string, number>();
  const groups = new Int32Array(keys.length);
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
    if (values) added[measure] = [...sums(values, groups, ids.size)];
  }
  return { keys: [...ids.keys()], columns: added, whole };
}

/** `groups`: to which of `size` sums each value belongs; below 0, to none. */
export function sums(values: ArrayLike<number>, groups: Int32Array, size: number): Float64Array {
  const sums = new Float64Array(size);
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row] ?? -1;
    if (group >= 0) sums[group] = (sums[group] ?? 0) + (values[row] ?? 0);
  }
  return sums;
}

/** The same as if nobody knew these measures. */
export function without<Of extends Bounded>(table: Of, measures: readonly Measure[]): Of {
  if (measures.length === 0) return table;
  const { columns, rest, lack, miss } = table;
  const left = { columns: { ...columns }, rest: { ...rest }, lack: { ...lack }, miss: { ...miss } };
  for (const measure of measures) for (const part of Object.values(left)) delete part[measure];
  return { ...table, ...left };
}
