/** Who holds an address, as a node says. Texts are "" where it does not say, and have no control characters. */
export type Holding = {
  /** In canonical form. */
  address: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  workloadKind: string;
  workload: string;
  /** kubernetes, docker or file. */
  source: string;
  /** Epoch ms; 0: before anybody looked. */
  since: number;
  /** Held in [since, until); null: still. Not after `since`: it never was. */
  until: number | null;
};

/** A holding as it is kept. */
export type Kept = Holding & {
  /** Start of a window that said it so. Complete lists that say nothing else are newer words, and stand apart. */
  saidAt: number;
  /** No report says when it ended; `until` is the first list of all holdings that lacks it. */
  absent: boolean;
};

/** Stands for an end that nobody knows yet: later than any instant that the wire takes. */
export const FOREVER = 253_402_300_800_000;

/** What makes two rows speak of the same holding (of a node). */
export const identityOf = ({ address, uid, name, namespace, kind, since }: Holding): string =>
  [address, uid, name, namespace, kind, since].join("\0");

/** What a row says of its holding beside which it is: all of a holding that may change. */
const wordsOf = ({ until, workloadKind, workload, source }: Holding): string =>
  [until ?? "", workloadKind, workload, source].join("\0");

export const isSaidAlike = (one: Holding, other: Holding): boolean => wordsOf(one) === wordsOf(other);

/** Of two that are said at the same instant the one that counts, whichever came first: one that knows of an end before one that does not. */
export const isStronger = (one: Holding, other: Holding): boolean => wordsOf(one) > wordsOf(other);

/** The end, which is not before the start. */
export const endOf = ({ since, until }: Pick<Holding, "since" | "until">): number =>
  Math.max(since, until ?? FOREVER);

export type Range = { from: number; to: number };

/** Where the owner by this holding is another than before; undefined where nowhere. */
export function difference(before: Holding | undefined, after: Holding): Range | undefined {
  const isSameOwner =
    before !== undefined && before.workloadKind === after.workloadKind && before.workload === after.workload;
  const ends = [endOf(after), before === undefined ? after.since : endOf(before)];
  const from = isSameOwner ? Math.min(...ends) : after.since;
  const to = Math.max(...ends);
  return from < to ? { from, to } : undefined;
}

/** The same instants in as few ranges as there can be, in order. */
export function merged(ranges: readonly Range[]): Range[] {
  const all: Range[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}
