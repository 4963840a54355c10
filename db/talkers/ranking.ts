import { topKeys } from "../fold/choose.ts";
import type { Candidates } from "../fold/choose.ts";
import { Peak, Sum } from "../fold/column.ts";
import type { Column } from "../fold/column.ts";
import { isCount, MEASURES } from "../fold/measures.ts";
import type { Amounts, Measure } from "../fold/measures.ts";
import { Merger } from "../fold/merge.ts";
import type { Bounds, Table } from "../fold/table.ts";

/** `share`: its part of the total by what ranked, or by entries where peers did, which do not add up. */
export type Part = { amounts: Amounts; share: number };

export type Ranked = {
  /** The metric asked for, or entries where no row of the range knows that. */
  rankedBy: Measure;
  /** Largest first, equal ones in the order of their keys. */
  rows: (Part & { key: string })[];
  /** Everyone not listed, taken together: of gauges the most they all held at once. */
  remainder: Part;
  /** What nobody is known to own, where rows are owners. */
  unattributed: Part | undefined;
  /** All of it added up. */
  total: Amounts;
  /** No row is short of more than this. Missing: of nothing. */
  lack: Bounds;
  /** Nobody who is not listed has more than this. Missing: nobody has any. */
  missing: Bounds;
  /** By what ranked: the rows are whole, and nobody else has more than they. */
  exact: boolean;
};

/** Rows at once, of some 100 bytes: those of a fortnight of a cluster. Longer ranges are merged so many at a time. */
export const MAX_ROWS = 250_000;
/** By each measure, from one such part to the next. */
const KEPT_KEYS = 4096;

/** Finds the largest of tables one after another. */
export class Ranking {
  readonly #metric: Measure;
  readonly #limit: number;
  readonly #apart: string | undefined;
  #merger = inTime();
  #rows = 0;

  /** `apart`: the key of a row that is not ranked but told apart. */
  constructor({ metric, limit, apart }: { metric: Measure; limit: number; apart: string | undefined }) {
    this.#metric = metric;
    this.#limit = limit;
    this.#apart = apart;
  }

  add(table: Table): void {
    this.#merger.add(table);
    this.#rows += table.keys.length;
    if (this.#rows <= MAX_ROWS) return;
    const soFar = this.#merger.finish(topKeys(KEPT_KEYS, (key) => key === this.#apart));
    this.#merger = inTime();
    this.#merger.add(soFar);
    this.#rows = soFar.keys.length;
  }

  finish(): Ranked {
    let rankedBy: Measure = this.#metric;
    const table = this.#merger.finish((candidates) => {
      rankedBy = candidates.columns[this.#metric] ? this.#metric : "entries";
      return this.#chosen(candidates, rankedBy);
    });
    return this.#answer(table, rankedBy);
  }

  #chosen({ keys, columns }: Candidates, rankedBy: Measure): number[] {
    const values = Float64Array.from(keys, (_, row) => columns[rankedBy]?.[row] ?? 0);
    // Of those below it none can be among the first, even where one of the others is told apart.
    const least = values.toSorted().at(-this.#limit - 1) ?? 0;
    const apart = this.#apart === undefined ? -1 : keys.indexOf(this.#apart);
    const ranked = [...keys.keys()]
      .filter((row) => row !== apart && (values[row] ?? 0) >= least)
      .toSorted(
        (a, b) => (values[b] ?? 0) - (values[a] ?? 0) || ((keys[a] ?? "") < (keys[b] ?? "") ? -1 : 1),
      );
    return [...ranked.slice(0, this.#limit), ...(apart < 0 ? [] : [apart])];
  }

  #answer(table: Table, rankedBy: Measure): Ranked {
    const all = table.keys.map((key, row) => ({ key, amounts: amountsAt(table, row) }));
    const apart = all.find(({ key }) => key === this.#apart)?.amounts;
    const listed = all.filter(({ key }) => key !== this.#apart);
    const total = listed.reduce((sum, { amounts }) => added(sum, amounts), table.rest);
    const unattributed = apart && added({ rows: 0 }, { ...apart, rows: 0 });
    const whole = unattributed ? added(total, unattributed) : total;
    // Peers of several rows do not add up: the same peer may be among them more than once.
    const shared = rankedBy === "peers" ? "entries" : rankedBy;
    const part = (amounts: Amounts): Part => ({
      amounts,
      share: whole[shared] ? (amounts[shared] ?? 0) / whole[shared] : 0,
    });
    const rows = listed
      .map(({ key, amounts }) => ({ key, ...part(amounts) }))
      .toSorted((a, b) => (b.amounts[rankedBy] ?? 0) - (a.amounts[rankedBy] ?? 0));
    const least =
      rows.length < this.#limit ? 0 : (rows.at(-1)?.amounts[rankedBy] ?? Number.POSITIVE_INFINITY);
    return {
      rankedBy,
      rows,
      remainder: part(table.rest),
      unattributed: unattributed && part(unattributed),
      total: whole,
      lack: table.lack,
      missing: table.miss,
      exact: (table.lack[rankedBy] ?? 0) === 0 && (table.miss[rankedBy] ?? 0) <= least,
    };
  }
}

const inTime = () => new Merger<Column>((measure) => (isCount(measure) ? new Sum() : new Peak()));

function amountsAt({ columns }: Table, row: number): Amounts {
  const amounts: Amounts = { rows: 1 };
  for (const measure of MEASURES) {
    const value = columns[measure]?.[row];
    if (value !== undefined) amounts[measure] = value;
  }
  return amounts;
}

/** But for peers, which are distinct in each row alone. */
function added(one: Amounts, other: Amounts): Amounts {
  const sum: Amounts = { rows: one.rows + other.rows };
  for (const measure of MEASURES) {
    const [a, b] = [one[measure], other[measure]];
    if (measure !== "peers" && (a !== undefined || b !== undefined)) sum[measure] = (a ?? 0) + (b ?? 0);
  }
  return sum;
}
