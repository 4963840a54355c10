import {
  difference,
  type Holding,
  identityOf,
  isSaidAlike,
  isStronger,
  type Kept,
  type Range,
} from "./holding.ts";
import type { OwnerWords } from "./words.ts";

/**
 * Who held which address of one node, as its reports say, the same in whatever order they come. The rule: of a holding
 * the words of the last window that mentions it count. Where they know of no end, it ended at the first complete list
 * after that window, for that one lacks it; without such a list it is held still.
 *
 * A holding that goes on is mentioned by each complete list, and that must not cost a write. So a mention by a list which
 * says nothing new is not kept; that the list was there is enough. For the holding ended at the first list that lacks
 * it, hence each list before that end mentions it: the last window that mentions it is the one that is kept, or the last
 * list before the end, whichever is later.
 */
export class NodeBook {
  readonly #kept = new Map<string, Kept>();
  readonly #before = new Map<string, Kept | undefined>();
  /** Windows of complete lists, in order. */
  readonly #lists: number[];

  /**
   * Of the lists those from the first statement on. Of the rows those that hold still or ended after it, and those that the
   * statements mention: no other can change.
   */
  constructor(rows: Iterable<Kept>, lists: Iterable<number>) {
    for (const row of rows) this.#kept.set(identityOf(row), row);
    this.#lists = [...lists].toSorted((a, b) => a - b);
  }

  /** Takes what the report of the window that began at `at` says. */
  hear(at: number, { complete, holdings }: OwnerWords): void {
    const mentioned = new Set<string>();
    for (const holding of holdings) {
      const key = identityOf(holding);
      mentioned.add(key);
      this.#mention(key, holding, { at, complete });
    }
    if (!complete) return;
    for (const [key, row] of this.#kept) if (!mentioned.has(key)) this.#miss(key, row, at);
    if (!this.#lists.includes(at)) {
      this.#lists.push(at);
      this.#lists.sort((a, b) => a - b);
    }
  }

  /** Rows that are to be written, and where some address has another holder than before. */
  changes(): { rows: Kept[]; ranges: Range[] } {
    const rows: Kept[] = [];
    const ranges: Range[] = [];
    for (const [key, before] of this.#before) {
      const row = this.#kept.get(key);
      if (!row || (before && isSameRow(row, before))) continue;
      rows.push(row);
      const range = difference(before, row);
      if (range) ranges.push(range);
    }
    return { rows, ranges };
  }

  #mention(key: string, holding: Holding, { at, complete }: { at: number; complete: boolean }): void {
    const row = this.#kept.get(key);
    if (row) {
      const last = this.#lastMention(row);
      const said = { ...row, until: row.absent ? null : row.until };
      if (at < last || (at === last && !isStronger(holding, said))) return;
      const goesOn = holding.until === null && at < (row.until ?? Number.POSITIVE_INFINITY);
      if (complete && goesOn && isSaidAlike(holding, said)) return;
    }
    this.#set(key, { ...holding, saidAt: at, ...this.#endAfter(at, holding.until) });
  }

  /** A complete list lacks it. */
  #miss(key: string, row: Kept, at: number): void {
    const mayEnd = row.until === null || (row.absent && row.until > at);
    if (mayEnd && this.#lastMention(row) < at) this.#set(key, { ...row, until: at, absent: true });
  }

  #endAfter(at: number, until: number | null): Pick<Kept, "until" | "absent"> {
    const list = until === null ? this.#lists.find((list) => list > at) : undefined;
    return list === undefined ? { until, absent: false } : { until: list, absent: true };
  }

  #lastMention({ saidAt, until, absent }: Kept): number {
    if (until !== null && !absent) return saidAt;
    const list = this.#lists.findLast((list) => until === null || list < until);
    return Math.max(saidAt, list ?? saidAt);
  }

  #set(key: string, row: Kept): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#kept.get(key));
    this.#kept.set(key, row);
  }
}

const isSameRow = (one: Kept, other: Kept): boolean =>
  isSaidAlike(one, other) && one.saidAt === other.saidAt && one.absent === other.absent;
