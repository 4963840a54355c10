import type * as z from "zod";

export type Check = z.RefinementCtx;
type Columns = Record<string, readonly unknown[] | undefined>;

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Whether all columns of the table at `path` have as many rows as its first one, named `first`. */
export function sameLengths(path: string[], columns: Columns, check: Check, first = "source"): boolean {
  const want = columns[first]?.length;
  const odd = Object.keys(columns).filter((name) => columns[name] && columns[name].length !== want);
  for (const name of odd)
    complain(check, [...path, name], `has ${columns[name]?.length} rows where ${first} has ${want}`);
  return odd.length === 0;
}

/** Whether all indexes of a column name one of `size` addresses. */
export function inRange(
  path: string[],
  indexes: readonly (number | null)[],
  size: number,
  check: Check,
): void {
  const row = indexes.findIndex((index) => index !== null && index >= size);
  if (row >= 0) complain(check, [...path, row], `refers to address ${indexes[row]} of ${size}`);
}

/** Whether no part is more than its whole, row by row; a whole nobody gives has no parts. */
export function partsOf(
  path: string[],
  parts: readonly number[] | undefined,
  wholes: readonly number[],
  check: Check,
): void {
  const row = parts?.findIndex((part, at) => part > (wholes[at] ?? 0)) ?? -1;
  if (row >= 0) complain(check, [...path, row], `counts ${parts?.[row]} of ${wholes[row] ?? 0} entries`);
}

export function eachOnce(path: string[], values: readonly (number | string)[], check: Check): void {
  if (new Set(values).size === values.length) return;
  const seen = new Set<number | string>();
  const row = values.findIndex((value) => seen.size === seen.add(value).size);
  complain(check, [...path, row], "stands there twice");
}

export function complain(check: Check, path: (string | number)[], message: string): void {
  check.addIssue({ code: "custom", path, message });
}
