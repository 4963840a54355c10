import type { Segment } from "../segment.ts";
import type { Distinct } from "./distinct.ts";
import { ROWS_OF } from "./key-book.ts";
import { type Measure, MEASURES } from "./measures.ts";
import { boundsOfGroups, sums, without } from "./regroup.ts";
import type { Dimension } from "./table.ts";
import { type Columns, groupRows, type Rows, sourceRows, totalOf } from "./window-rows.ts";

/** Rows of one dimension, and the number of each one's key. */
export type Part = { rows: Rows; ids: Int32Array };

/** Dimensions that tell apart whatever a report does; in others a row may be made of several. */
const AS_REPORTED: ReadonlySet<Dimension> = new Set(["source", "group", "node", "address", "flow"]);
/** Peers of several owners do not add up: the same may be among those of each. */
const WITHOUT_PEERS: ReadonlySet<Dimension> = new Set(["workload", "namespace"]);

/** What the rows of a window add to the tables of a bucket. */
export class WindowParts {
  readonly #segment: Segment;
  readonly #unknown: readonly Measure[];
  readonly #rows: Partial<Record<"talkers" | "groups" | "node", Rows>> = {};
  readonly #distinct: Distinct;

  /** `unknown`: measures that are left out; `distinct`: any, which grows with the keys there are. */
  constructor(segment: Segment, unknown: readonly Measure[], distinct: Distinct) {
    this.#segment = segment;
    this.#unknown = unknown;
    this.#distinct = distinct;
  }

  /** `numbers`: of the key of each row of the window. */
  part(dimension: Dimension, numbers: Int32Array): Part {
    const rows = this.#rowsOf(ROWS_OF[dimension]);
    this.#distinct.begin();
    const groups = this.#distinct.numbers(numbers);
    const ids = Int32Array.from(this.#distinct.values);
    const merged = ids.length === rows.size ? rows : grouped(rows, groups, ids.length);
    const bounded = AS_REPORTED.has(dimension) ? merged : { ...merged, ...boundsOfGroups(merged) };
    return { ids, rows: WITHOUT_PEERS.has(dimension) ? without(bounded, ["peers"]) : bounded };
  }

  #rowsOf(of: "talkers" | "groups" | "node"): Rows {
    const known = this.#rows[of];
    if (known) return known;
    const rows = without(this.#make(of), this.#unknown);
    this.#rows[of] = rows;
    return rows;
  }

  #make(of: "talkers" | "groups" | "node"): Rows {
    if (of === "talkers") return sourceRows(this.#segment);
    if (of === "groups") return groupRows(this.#segment);
    const total = { ...totalOf(this.#rowsOf("groups")), ...totalOf(this.#rowsOf("talkers")) };
    const columns: Columns = {};
    for (const measure of MEASURES) if (total[measure] !== undefined) columns[measure] = [total[measure]];
    return { size: 1, columns, rest: { rows: 0 }, lack: {}, miss: {} };
  }
}

function grouped(rows: Rows, groups: Int32Array, size: number): Rows {
  const columns: Columns = {};
  for (const measure of MEASURES) {
    const values = rows.columns[measure];
    if (values) columns[measure] = sums(values, groups, size);
  }
  return { ...rows, size, columns };
}
