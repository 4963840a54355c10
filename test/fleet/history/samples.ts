import { COUNTS, GAUGES } from "../../../db/queries/upkeep/aggregate.ts";
import type { StoredReport } from "../../../db/queries/reports.ts";
import { GAUGE_COLUMNS, gaugesOf } from "../../../db/report.ts";
import { AGGREGATES } from "../../../db/tiers.ts";
import type { SampleRow } from "./parcel.ts";

type Values = Record<string, number | null>;
type Slot = Pick<SampleRow, "tier" | "start">;

/** What a report says in figures, by column. */
function figuresOf(report: StoredReport): Values {
  const values = gaugesOf(report);
  const wanted = new Set<string>([...GAUGES, ...COUNTS]);
  const known = GAUGE_COLUMNS.map((name, at) => [name, values[at] ?? null] as const);
  return Object.fromEntries(known.filter(([name]) => wanted.has(name))) as Values;
}

const pick = (values: Values, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, values[name] ?? null]));

/** The rows of a bucket in which there was one look: its gauges are the most, the least, the last and the sum at once. */
function rowsOf(
  slot: Slot & Pick<SampleRow, "node">,
  values: Values,
  of: { coveredMs: number; nodes: number | null },
) {
  const gauges = pick(values, GAUGES);
  const utilisation = values["utilisation"] ?? null;
  const row = (aggregate: number, more: Values): SampleRow => ({
    ...slot,
    aggregate,
    values: { ...gauges, ...more },
  });
  return [
    row(AGGREGATES.max, { utilisation, nodes: of.nodes }),
    row(AGGREGATES.min, { utilisation }),
    row(AGGREGATES.last, { utilisation }),
    row(AGGREGATES.sum, { ...pick(values, COUNTS), windows: 1, covered_ms: of.coveredMs }),
  ];
}

/** Buckets of nodes and of their cluster out of one look at each node. */
export function sampleRows(slot: Slot, looks: readonly StoredReport[]): SampleRow[] {
  const coveredMs = Math.max(...looks.map(({ from, to }) => to - from));
  const figures = looks.map((look) => {
    const values = figuresOf(look);
    return { look, values: { ...values, utilisation: (values["count"] ?? 0) / (values["max"] ?? 1) } };
  });
  const together: Values = {};
  for (const name of [...GAUGES, ...COUNTS]) {
    const known = figures.flatMap(({ values }) => (values as Values)[name] ?? []);
    together[name] = known.length > 0 ? known.reduce((total, value) => total + value, 0) : null;
  }
  together["utilisation"] = Math.max(...figures.map(({ values }) => values.utilisation));
  return [
    ...figures.flatMap(({ look, values }) =>
      rowsOf({ ...slot, node: look.node.name }, values, { coveredMs, nodes: null }),
    ),
    ...rowsOf({ ...slot, node: null }, together, { coveredMs, nodes: looks.length }),
  ];
}
