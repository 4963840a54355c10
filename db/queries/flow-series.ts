import type { Db } from "../client.ts";
import { isCount } from "../fold/measures.ts";
import type { Measure } from "../fold/measures.ts";
import type { Table } from "../fold/table.ts";
import type { Piece } from "../plan.ts";
import { series } from "./series.ts";
import type { SeriesQuery } from "./series.ts";
import { readTables } from "./tables.ts";
import type { TableQuestion } from "./tables.ts";

export type FlowSeriesQuery = TableQuestion & {
  metric: Measure;
  /** Rows that have a series of their own: keys of BY[by]. */
  keys: readonly string[];
  /** `from` and `to` are multiples of it; of whole minutes. */
  stepMs: number;
  /** Of a count, a second of the time that reports cover. */
  rate: boolean;
};

type Point = [step: number, value: number];

export type FlowSeriesAnswer = {
  /** In the order of the keys. */
  rows: { key: string; points: Point[] }[];
  /** All that matches and has no series of its own, taken together. */
  others: Point[];
  /** No point of a row is short of more than this. */
  lack: number;
  pieces: readonly Piece[];
  foldedUntil: number | undefined;
};

/**
 * How much rows had, step by step: of gauges the most of any slot in it, of counts all. A row that a slot does not list had
 * nothing there if the slot lists all there were; else nobody knows, and where no slot of a step knows more, it has no point.
 */
export async function flowSeries(db: Db, query: FlowSeriesQuery): Promise<FlowSeriesAnswer> {
  const { metric, stepMs } = query;
  const rows = new Map(query.keys.map((key) => [key, new Steps(metric)]));
  const others = new Steps(metric);
  const lack = new Steps(metric);
  const reading = await readTables(db, query);
  for await (const { from, table } of reading.slots()) {
    if (!isKnown(table, metric)) continue;
    const step = Math.floor(from / stepMs) * stepMs;
    others.add(step, addSlot(rows, table, { metric, step }));
    lack.add(step, Math.max(table.lack[metric] ?? 0, table.miss[metric] ?? 0));
  }
  const pointsOf = query.rate ? await aSecond(db, query) : (steps: Steps) => steps.points();
  return {
    rows: [...rows].map(([key, steps]) => ({ key, points: pointsOf(steps) })),
    others: pointsOf(others),
    lack: pointsOf(lack).reduce((most, [, value]) => Math.max(most, value), 0),
    pieces: reading.pieces,
    foldedUntil: reading.foldedUntil,
  };
}

/** Where nothing is listed nobody counted either, but of gauges there were then none. */
const isKnown = ({ columns, rest }: Table, metric: Measure): boolean =>
  columns[metric] !== undefined || rest[metric] !== undefined || !isCount(metric);

/** Adds each row's part; what is left is of the others. */
function addSlot(
  rows: ReadonlyMap<string, Steps>,
  table: Table,
  { metric, step }: { metric: Measure; step: number },
): number {
  const values = table.columns[metric] ?? [];
  const seen = new Set<string>();
  let left = table.rest[metric] ?? 0;
  for (const [row, key] of table.keys.entries()) {
    const value = values[row] ?? 0;
    const steps = rows.get(key);
    if (!steps) left += value;
    else {
      steps.add(step, value);
      seen.add(key);
    }
  }
  const isWhole = (table.miss[metric] ?? 0) === 0;
  if (isWhole) for (const [key, steps] of rows) if (!seen.has(key)) steps.add(step, 0);
  return left;
}

/** Amounts by step, which come in time. */
class Steps {
  readonly #isCount: boolean;
  readonly #amounts = new Map<number, number>();

  constructor(metric: Measure) {
    this.#isCount = isCount(metric);
  }

  add(step: number, amount: number): void {
    const before = this.#amounts.get(step) ?? 0;
    this.#amounts.set(step, this.#isCount ? before + amount : Math.max(before, amount));
  }

  points(): Point[] {
    return [...this.#amounts];
  }
}

/** Makes rates: what is not covered has none. */
async function aSecond(db: Db, query: FlowSeriesQuery): Promise<(steps: Steps) => Point[]> {
  const { clusterId, node, from, to, stepMs, retention, now } = query;
  const covered: SeriesQuery = {
    metric: "coveredMs",
    by: node === undefined ? "cluster" : "node",
    aggregate: "max",
    rate: false,
    limit: 1,
    clusterId,
    node,
    from,
    to,
    stepMs,
    retention,
    now,
  };
  const { series: found } = await series(db, covered);
  const ms = new Map(found[0]?.points);
  return (steps) =>
    steps.points().flatMap(([step, value]): Point[] => {
      const coveredMs = ms.get(step) ?? 0;
      return coveredMs > 0 ? [[step, (1000 * value) / coveredMs]] : [];
    });
}
