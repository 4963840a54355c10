import { MEASURES } from "./measures.ts";
import type { Table } from "./table.ts";

/** Rows that may be listed. */
export type Candidates = Pick<Table, "keys" | "columns">;
/** Which rows to list, each once. */
export type Choose = (candidates: Candidates) => Iterable<number>;

export const allKeys: Choose = ({ keys }) => keys.keys();

/**
 * The largest k by each measure that is known, equal ones in the order of their keys; of zeros none, but where there are no more
 * than k rows, all of them. What `always` says is listed in any case.
 */
export function topKeys(k: number, always?: (key: string) => boolean): Choose {
  return ({ keys, columns }) => {
    if (keys.length <= k) return keys.keys();
    const chosen = new Set<number>();
    for (const measure of MEASURES) {
      const values = columns[measure];
      if (values) for (const row of largest(values, k, keys)) chosen.add(row);
    }
    if (always) for (const [row, key] of keys.entries()) if (always(key)) chosen.add(row);
    return chosen;
  };
}

function largest(values: readonly number[], k: number, keys: readonly string[]): number[] {
  const least = Math.max(kthLargest(values, k), 1);
  const above: number[] = [];
  const equal: number[] = [];
  for (let row = 0; row < values.length; row++) {
    const value = values[row] ?? 0;
    if (value > least) above.push(row);
    else if (value === least) equal.push(row);
  }
  const places = k - above.length;
  if (equal.length <= places) return [...above, ...equal];
  return [...above, ...equal.toSorted((a, b) => compare(keys[a], keys[b])).slice(0, places)];
}

/** By narrowing down (quickselect): sorting all is several times the work. 0 where there are not so many. */
function kthLargest(values: readonly number[], k: number): number {
  const left = Float64Array.from(values);
  let [from, to] = [0, left.length];
  const place = left.length - k;
  if (place < 0) return 0;
  while (to - from > 1) {
    const pivot = median(left[from] ?? 0, left[(from + to) >> 1] ?? 0, left[to - 1] ?? 0);
    const [less, greater] = partition(left, from, to, pivot);
    if (place < less) to = less;
    else if (place < greater) return pivot;
    else from = greater;
  }
  return left[place] ?? 0;
}

/** Smaller ones to the front and larger ones to the end of [from, to); gives where those equal to the pivot begin and end. */
function partition(values: Float64Array, from: number, to: number, pivot: number): [number, number] {
  let [less, at, greater] = [from, from, to];
  while (at < greater) {
    const value = values[at] ?? 0;
    if (value === pivot) at++;
    else {
      const swapped = value < pivot ? less++ : --greater;
      values[at] = values[swapped] ?? 0;
      values[swapped] = value;
      if (value < pivot) at++;
    }
  }
  return [less, greater];
}

const median = (a: number, b: number, c: number) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));

/** Order of keys. */
export function compare(a = "", b = ""): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
