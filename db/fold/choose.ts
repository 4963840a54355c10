import { type Measure, MEASURES } from "./measures.ts";

/** Rows that may be listed. */
export type Candidates = {
  readonly size: number;
  /** All keys; where few are needed, keyOf is much less work. */
  readonly keys: readonly string[];
  readonly keyOf: (row: number) => string;
  /** At least `size` numbers each. */
  readonly columns: Partial<Record<Measure, ArrayLike<number>>>;
};
/** Which rows to list, each once. */
export type Choose = (candidates: Candidates) => Iterable<number>;

export const allKeys: Choose = ({ size }) => rowsUpTo(size);

/**
 * The largest k by each measure that is known, equal ones in the order of their keys; of zeros none, but where there are no more
 * than k rows, all of them. What `always` says is listed in any case.
 */
export function topKeys(k: number, always?: (key: string) => boolean): Choose {
  return (candidates) => top(k, candidates, { always, among: firstByKey });
}

/** The same, but of equal ones those that came first: without their keys, which take much longer to compare. */
export function topRows(k: number, always?: (key: string) => boolean): Choose {
  return (candidates) => top(k, candidates, { always, among: (rows, places) => rows.slice(0, places) });
}

type Order = {
  always: ((key: string) => boolean) | undefined;
  /** So many of rows that are equal. */
  among: (rows: readonly number[], places: number, candidates: Candidates) => number[];
};

function top(k: number, candidates: Candidates, { always, among }: Order): Iterable<number> {
  const { size, columns } = candidates;
  if (size <= k) return rowsUpTo(size);
  const chosen = new Set<number>();
  for (const measure of MEASURES) {
    const values = columns[measure];
    if (!values) continue;
    const { above, equal } = largest(values, k, size);
    for (const row of above) chosen.add(row);
    const places = k - above.length;
    for (const row of equal.length <= places ? equal : among(equal, places, candidates)) chosen.add(row);
  }
  if (always) for (let row = 0; row < size; row++) if (always(candidates.keyOf(row))) chosen.add(row);
  return chosen;
}

export function rowsUpTo(size: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < size; row++) rows.push(row);
  return rows;
}

/** Rows with more than the k-th largest has, and those with as much. */
function largest(values: ArrayLike<number>, k: number, size: number): { above: number[]; equal: number[] } {
  const least = Math.max(kthLargest(values, k, size), 1);
  const above: number[] = [];
  const equal: number[] = [];
  for (let row = 0; row < size; row++) {
    const value = values[row] ?? 0;
    if (value > least) above.push(row);
    else if (value === least) equal.push(row);
  }
  return { above, equal };
}

function firstByKey(rows: readonly number[], places: number, candidates: Candidates): number[] {
  return rows
    .map((row) => ({ row, key: candidates.keyOf(row) }))
    .toSorted((a, b) => compare(a.key, b.key))
    .slice(0, places)
    .map(({ row }) => row);
}

/** By narrowing down (quickselect): sorting all is several times the work. 0 where there are not so many. */
function kthLargest(values: ArrayLike<number>, k: number, size: number): number {
  const left = new Float64Array(size);
  for (let row = 0; row < size; row++) left[row] = values[row] ?? 0;
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
export function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
