import type { CandidateOwner, Reason } from "./answer.ts";
import type { Life } from "./lives.ts";

/** Somebody who held an address. */
export type Holder = CandidateOwner & {
  address: string;
  /** The last instant at which anybody is known to have said so; null where its end is told, or where it is sure to hold still. */
  confirmedUntil: number | null;
  /** Of one whose end nobody told: the end of the last window before what lacks it, of a node that would have told of an end. */
  quietUntil?: number | undefined;
  /** Of one of which nobody says since when: the last list of all that lacks it, 0 where none is known, and the first window that has it. */
  found?: { lackedAt: number; at: number } | undefined;
  /** Who said so, how it learns of holders, and whether it said when the holding ended; absent where only the node's own addresses do. */
  told?: { nodeId: number; source: string; end: boolean } | undefined;
};

/** Who may have held an address, and why that is less than certain; without an owner nobody says who. */
export type Held = { owner: CandidateOwner | null; reasons: readonly Reason[] };

/** Beginnings and ends are told in whole seconds, and a little late; so are those of leases. */
const BEFORE_MS = 3_000;
const AFTER_MS = 3_000;
/** The status of a new Pod tells its address so late at most after its first connections. */
export const TOLD_LATE_MS = 60_000;

/** Who was behind the source of a lease: who held the address when it began, for an entry outlives its Pod. */
export function ownersOf(life: Life, node: string, holders: readonly Holder[]): Held[] {
  if (life.opened !== null) return holding(holders, node, { from: life.opened, to: life.opened });
  if (life.resumes) return sinceThen(life, life.resumes, { node, holders });
  // It may be what an earlier holder left.
  const seen = Math.max(life.begin.min, Math.min(life.begin.max, life.end.max));
  const owners = holding(holders, node, { from: seen, to: seen });
  return owners.map(({ owner, reasons }) => ({ owner, reasons: unique(["opened-unknown", ...reasons]) }));
}

/** Who held the address when the earlier one began, and whoever may have opened another that took its place. */
function sinceThen(
  { begin, end }: Life,
  { opened, seen }: NonNullable<Life["resumes"]>,
  { node, holders }: { node: string; holders: readonly Holder[] },
): Held[] {
  const first = holding(holders, node, { from: opened, to: opened });
  const next = holding(holders, node, { from: seen, to: Math.max(seen, Math.min(begin.max, end.max)) });
  const owners = Map.groupBy([...first, ...next], ({ owner }) => ownerKey(owner));
  // Where nobody is known to have come after, it is nobody else's as far as is known.
  const isLast = first.every(({ owner }) => owner) && next.every(({ owner }) => !owner);
  if (isLast) owners.delete(ownerKey(null));
  const changed: Reason[] = owners.size > 1 ? ["owner-changed"] : isLast ? ["owner-not-confirmed"] : [];
  return [...owners.values()].map((same) => ({
    owner: same[0]?.owner ?? null,
    reasons: unique([...changed, ...same.flatMap(({ reasons }) => reasons)]),
  }));
}

/** Who held the address at some instant of [from, to]; `node` is the one whose word counts most, where there is one. */
export function holding(
  rows: readonly Holder[],
  node: string | null,
  { from, to }: { from: number; to: number },
): Held[] {
  const holders = begun(rows);
  // An address that nobody ever had belongs to the outside.
  if (holders.length === 0) return [{ owner: null, reasons: [] }];
  const range = { first: from - BEFORE_MS, last: to + AFTER_MS };
  const known = knownTo(
    holders.filter(({ since, until }) => since < range.last && endOf(until) > Math.max(range.first, since)),
    node,
  );
  const later = nextOf(knownTo(holders, node), range.last);
  const owners = distinct(known);
  const [only] = owners;
  if (!only) return [later ?? { owner: null, reasons: ["owner-unknown"] }];
  const ends = known.every(({ until }) => endOf(until) < range.last);
  if (owners.length === 1 && !(ends && later)) return [{ owner: only, reasons: doubts(known, range) }];
  const all = ends && later?.owner ? distinct([...owners, later.owner]) : owners;
  return all.map((owner) => ({ owner, reasons: all.length > 1 ? ["owner-changed"] : doubts(known, range) }));
}

/**
 * An agent that begins anew finds holders of which it does not know since when. Such a one came after all those whose end its node has
 * told of, for a node gives an address to one at a time, and after the last list without it.
 */
function begun(rows: readonly Holder[]): Holder[] {
  return rows.map((row) => {
    if (row.since > 0) return row;
    const ofNode = rows.filter(({ node }) => node === row.node);
    const others = ofNode.filter((other) => ownerKey(other) !== ownerKey(row));
    const ends = others.flatMap(({ until, confirmedUntil, quietUntil = 0 }) =>
      until === null || until >= endOf(row.until)
        ? []
        : [Math.min(until, Math.max(endOf(confirmedUntil), quietUntil))],
    );
    const since = Math.max(0, ...ends);
    // What an agent finds that one before it knew is no news.
    const known = ofNode.filter((one) => ownerKey(one) === ownerKey(row) && endOf(one.until) >= since);
    const isNews = !known.some((one) => one.since > 0 || !one.found);
    const { lackedAt = 0, at = 0 } = isNews ? earliest(known) : {};
    return { ...row, since: Math.max(since, lackedAt), found: { lackedAt, at } };
  });
}

const earliest = (rows: readonly Holder[]): NonNullable<Holder["found"]> =>
  rows.flatMap(({ found }) => found ?? []).reduce((one, other) => (other.at < one.at ? other : one));

const endOf = (until: number | null): number => until ?? Number.POSITIVE_INFINITY;

/** Why a single owner may not have held the address over the whole range. */
function doubts(rows: readonly Holder[], { first, last }: { first: number; last: number }): Reason[] {
  const covering = rows.filter(({ since, until }) => since <= first && endOf(until) >= last);
  if (covering.length === 0) return ["owner-gap"];
  const confirmed = covering.some(
    ({ confirmedUntil, found }) =>
      endOf(confirmedUntil) >= last && (found === undefined || found.at <= first + BEFORE_MS),
  );
  return confirmed ? [] : ["owner-not-confirmed"];
}

/**
 * What the node says itself; else what others do, but for what each of them has for itself alone: containers, and addresses of bridges,
 * which many nodes have.
 */
function knownTo(rows: readonly Holder[], node: string | null): readonly Holder[] {
  if (node === null) return rows;
  const own = rows.filter((row) => row.node === node);
  if (own.length > 0) return own;
  const hosts = distinct(rows.filter(({ kind }) => kind === "host"));
  return rows.filter(({ kind }) => kind !== "container" && !(kind === "host" && hosts.length > 1));
}

/** Who came soon after. */
function nextOf(rows: readonly Holder[], after: number): Held | undefined {
  const [next] = rows
    .filter(({ since }) => since >= after && since <= after + TOLD_LATE_MS)
    .toSorted((a, b) => a.since - b.since);
  return next && { owner: next, reasons: ["owner-gap"] };
}

/** What tells one owner from another, of one source in one cluster. */
export const ownerKey = (owner: CandidateOwner | null): string =>
  owner ? [owner.kind, owner.namespace, owner.name, owner.uid].join("\0") : "";

/** Each owner once, as its last row has it. */
function distinct(rows: readonly CandidateOwner[]): CandidateOwner[] {
  const owners = new Map(rows.map((row) => [ownerKey(row), row]));
  return [...owners.values()].map(
    ({ kind, namespace, name, uid, workloadKind, workload, node, since, until }) => ({
      kind,
      namespace,
      name,
      uid,
      workloadKind,
      workload,
      node,
      since,
      until,
    }),
  );
}

/** Each reason once. */
export const unique = (reasons: readonly Reason[]): Reason[] => [...new Set(reasons)];
