import type { Owners } from "../../api/wire.ts";
import { type Claim, inOrder, type Interval, isSameText, isService, settle } from "./claims.ts";
import type { Owner } from "./owner.ts";

/** A claim as the book keeps it. */
export interface Entry extends Claim {
  owner: Owner;
  since: number | undefined;
  until: number | undefined;
  /** What the last report that named it said of it. */
  told?: Interval & { owner: Owner };
  /** The address was met since the last complete report; asked of services alone. */
  met: boolean;
}

export interface Row {
  address: string;
  entry: Entry;
  interval: Interval;
}

/** What a report is about. */
export interface Scope {
  /** Half-open, epoch ms. */
  window: { from: number; to: number };
  /** What ended before is too old to be news. */
  horizon: number;
  complete: boolean;
}

/** Whether a report may have to name this claim, whatever the others of its address leave of it. */
export const mayBeNews = ({ owner, told, met }: Entry): boolean => !!told || met || !isService(owner);

/** Whether a report has to name this claim, of which `interval` is what the others leave. */
export function isWorthARow(entry: Entry, interval: Interval, { window, horizon, complete }: Scope): boolean {
  const changed = isChanged(entry, interval);
  if (entry.told && changed) return true;
  if (isService(entry.owner) && !entry.met) return false;
  return (
    !interval.empty &&
    (complete || changed) &&
    (interval.until ?? Number.POSITIVE_INFINITY) > (complete ? window.from : horizon)
  );
}

function isChanged({ owner, told }: Entry, { since, until, empty }: Interval): boolean {
  if (!told || told.empty || empty) return empty !== (told?.empty ?? true);
  return told.since !== since || told.until !== until || !isSameText(told.owner, owner);
}

/**
 * The claims without those that ended before the horizon and have no news; the very same array where there are none. The
 * start of an ended claim limits those that began before it: it stays as long as one of them does.
 */
export function withoutOld(entries: Entry[], horizon: number): Entry[] {
  if (!entries.some(({ until }) => until !== undefined && until <= horizon)) return entries;
  const intervals = settle(entries);
  const isOld = ({ entry, at }: { entry: Entry; at: number }) =>
    (entry.until ?? Number.POSITIVE_INFINITY) <= horizon &&
    !(entry.told && isChanged(entry, intervals[at] as Interval));
  const ended = inOrder(entries).filter(({ at }) => entries[at]?.until !== undefined);
  const stays = ended.findIndex(({ at }) => !isOld({ entry: entries[at] as Entry, at }));
  const old = new Set(ended.slice(0, stays < 0 ? ended.length : stays).map(({ at }) => at));
  return old.size === 0 ? entries : entries.filter((_entry, at) => !old.has(at));
}

/** How many of the rows, from the first on, take no more than so many bytes of a report. */
export function rowsWithin(rows: readonly Row[], bytes: number): number {
  let left = bytes;
  const beyond = rows.findIndex((row) => (left -= bytesOf(row)) < 0);
  return beyond < 0 ? rows.length : beyond;
}

/** In all columns together, each value with its comma. */
const bytesOf = ({ address, entry: { owner }, interval: { since, until } }: Row): number => {
  const { kind, namespace, name, uid, workloadKind, workload } = owner;
  return Buffer.byteLength(
    JSON.stringify([address, kind, namespace, name, uid, workloadKind, workload, since, until]),
  );
};

export function ownerColumns(source: Owners["source"], complete: boolean, rows: readonly Row[]): Owners {
  const text = (field: "namespace" | "uid" | "workloadKind" | "workload") =>
    rows.map(({ entry }) => entry.owner[field] ?? null);
  return {
    source,
    complete,
    address: rows.map(({ address }) => address),
    kind: rows.map(({ entry }) => entry.owner.kind),
    namespace: text("namespace"),
    name: rows.map(({ entry }) => entry.owner.name),
    uid: text("uid"),
    workloadKind: text("workloadKind"),
    workload: text("workload"),
    since: rows.map((row) => startOf(row) ?? null),
    until: rows.map(endOf),
  };
}

/** A holding that was reported and is none ends where it began. */
const startOf = ({ entry: { told }, interval }: Row) => (interval.empty ? told?.since : interval.since);
const endOf = (row: Row): number | null =>
  row.interval.empty ? (startOf(row) ?? 0) : (row.interval.until ?? null);
