import type { Segment } from "../segment.ts";
import { MEASURES } from "./measures.ts";
import type { Amounts, Measure } from "./measures.ts";
import type { Bounds, Table } from "./table.ts";

/** Rows of a window that have no names yet. */
export type Rows = Omit<Table, "keys" | "columns"> & { size: number; columns: Columns };
export type Columns = Partial<Record<Measure, ArrayLike<number>>>;

/** One row a listed source; of bytes and packets, which only flow groups know, it has what its listed ones moved. */
export function sourceRows(segment: Segment): Rows {
  const { talkers, talkerRemainder: left, groups, groupRemainder, untracked = 0, error } = segment;
  const { source, entries, snatEntries, unreplied, peers } = talkers;
  const columns: Columns = { entries, snatEntries, unreplied, peers };
  const rest: Amounts = {
    rows: left.sources,
    entries: left.entries,
    snatEntries: left.snatEntries,
    unreplied: left.unreplied,
  };
  for (const measure of ["opened", "closed"] as const) {
    const values = talkers[measure];
    if (!values) continue;
    columns[measure] = values;
    rest[measure] = left[measure] ?? 0;
  }
  const lack = lackOf(columns, rest, {
    entries: error?.sources ?? untracked,
    opened: error?.sources,
    folded: isFolded(segment),
  });
  for (const measure of ["bytes", "packets"] as const) {
    const values = groups[measure];
    if (!values) continue;
    const ofSources = bySource(segment, values);
    const folded = groupRemainder[measure] ?? 0;
    columns[measure] = ofSources;
    rest[measure] = sum(values) + folded - sum(ofSources);
    if (folded > 0) lack[measure] = folded;
  }
  return { size: source.length, columns, rest, lack, miss: missOf(columns, rest, isFolded(segment)) };
}

/** One row a listed flow group. */
export function groupRows(segment: Segment): Rows {
  const { groups, groupRemainder: left, talkers, talkerRemainder, untracked = 0, error } = segment;
  const { entries, unreplied, nat } = groups;
  const snatEntries = entries.map((value, row) => (nat[row] === "snat" || nat[row] === "both" ? value : 0));
  const snat = sum(talkers.snatEntries) + talkerRemainder.snatEntries;
  const columns: Columns = { entries, snatEntries, unreplied };
  const rest: Amounts = {
    rows: left.groups,
    entries: left.entries,
    snatEntries: Math.max(0, snat - sum(snatEntries)),
    unreplied: left.unreplied,
  };
  for (const measure of ["opened", "closed", "bytes", "packets"] as const) {
    const values = groups[measure];
    if (!values) continue;
    columns[measure] = values;
    rest[measure] = left[measure] ?? 0;
  }
  const lack = lackOf(columns, rest, {
    entries: error?.groups ?? untracked,
    opened: error?.groups,
    folded: isFolded(segment),
  });
  return { size: entries.length, columns, rest, lack, miss: missOf(columns, rest, isFolded(segment)) };
}

/** Rows and rest together, of all that add up. */
export function totalOf({ columns, rest }: Rows): Bounds {
  const total: Bounds = {};
  for (const measure of MEASURES)
    if (columns[measure] && measure !== "peers")
      total[measure] = sum(columns[measure]) + (rest[measure] ?? 0);
  return total;
}

/** Whether the agent could not tell all sources and groups apart, so that even what is listed may lack something. */
const isFolded = ({ untracked = 0, error }: Segment) =>
  untracked > 0 || (error !== undefined && error.sources + error.groups > 0);

type Most = { folded: boolean; entries: number; opened: number | undefined };

/** A report bounds what its rows lack of entries, and so of parts of them, and of openings; of all else they may lack the whole rest. */
function lackOf(columns: Columns, rest: Amounts, { folded, entries, opened }: Most): Bounds {
  const lack: Bounds = {};
  if (!folded) return lack;
  const most: Bounds = { entries, snatEntries: entries, unreplied: entries, peers: entries };
  if (opened !== undefined) most.opened = opened;
  for (const measure of MEASURES) {
    const bound = Math.min(restOf(rest, measure), most[measure] ?? Number.POSITIVE_INFINITY);
    if (columns[measure] && bound > 0) lack[measure] = bound;
  }
  return lack;
}

/** One that is not listed may have all of the rest. */
function missOf(columns: Columns, rest: Amounts, folded: boolean): Bounds {
  const miss: Bounds = {};
  if (rest.rows === 0 && !folded) return miss;
  for (const measure of MEASURES) if (columns[measure]) miss[measure] = restOf(rest, measure);
  return miss;
}

/** No source has more peers than entries. */
export const restOf = (rest: Amounts, measure: Measure): number =>
  (measure === "peers" ? rest.entries : rest[measure]) ?? 0;

function bySource({ addresses, groups, talkers }: Segment, values: readonly number[]): number[] {
  const moved = new Map<string, number>();
  for (let row = 0; row < values.length; row++) {
    const address = addresses[groups.source[row] ?? -1] ?? "";
    moved.set(address, (moved.get(address) ?? 0) + (values[row] ?? 0));
  }
  return talkers.source.map((index) => {
    const address = addresses[index] ?? "";
    const value = moved.get(address) ?? 0;
    // An address that stands there twice has it once.
    moved.delete(address);
    return value;
  });
}

function sum(values: ArrayLike<number>): number {
  let sum = 0;
  for (let row = 0; row < values.length; row++) sum += values[row] ?? 0;
  return sum;
}
