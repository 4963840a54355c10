import type { Flows, Report } from "../../api/wire.ts";
import { interleave, topIndexes } from "./top.ts";

type Column = readonly (number | string | null)[];
type Columns = Record<string, Column | undefined>;

const SOURCE_METRICS = ["entries", "opened", "closed", "established", "idle", "closeWait"] as const;
const GROUP_METRICS = ["entries", "unreplied", "opened", "bytes", "packets"] as const;
/** Columns of talkers that add up to their remainder, beside `sources`. */
const TALKER_SUMS = [...SOURCE_METRICS, "snatEntries", "unreplied"] as const;
const GROUP_SUMS = ["entries", "unreplied", "opened", "closed", "bytes", "packets"] as const;

/**
 * The same report made smaller, for a server that found it too large. Leases go at once, and their number into `omitted`;
 * where they are not most of it, half the talkers and groups go too: the largest of each metric stay, the others go into
 * the remainders, so that sums hold.
 *
 * @returns undefined where there is nothing left to halve
 */
export function halve(report: Report): Report | undefined {
  const rows = (report.flows?.talkers.source.length ?? 0) + (report.flows?.groups.source.length ?? 0);
  const leases = (report.leases?.natPort.length ?? 0) + (report.keyframe?.natPort.length ?? 0);
  if (rows + leases === 0) return undefined;
  const { flows } = report;
  const lighter = withoutLeases(report);
  if (!flows) return lighter;
  return withAddresses({ ...lighter, flows: leases > rows ? flows : halveFlows(flows) });
}

function withoutLeases(report: Report): Report {
  const { leases, keyframe } = report;
  return {
    ...report,
    ...(leases && { leases: { ...emptied(leases), omitted: leases.omitted + leases.natPort.length } }),
    ...(keyframe && {
      keyframe: { ...emptied(keyframe), omitted: keyframe.omitted + keyframe.natPort.length },
    }),
  };
}

/** All columns without rows; what is not a column stays. */
const emptied = <Table extends object>(table: Table): Table =>
  Object.fromEntries(
    Object.entries(table).map(([name, value]) => [name, Array.isArray(value) ? [] : (value as unknown)]),
  ) as Table;

function halveFlows(flows: Flows): Flows {
  const talkers = kept(flows.talkers, SOURCE_METRICS);
  const groups = kept(flows.groups, GROUP_METRICS);
  return {
    ...flows,
    talkers: picked(flows.talkers, talkers),
    talkerRemainder: {
      ...remainder(flows.talkerRemainder, flows.talkers, talkers, TALKER_SUMS),
      sources: flows.talkerRemainder.sources + flows.talkers.source.length - talkers.length,
    },
    groups: picked(flows.groups, groups),
    groupRemainder: {
      ...remainder(flows.groupRemainder, flows.groups, groups, GROUP_SUMS),
      groups: flows.groupRemainder.groups + flows.groups.source.length - groups.length,
    },
    ...(flows.dialled && { dialled: picked(flows.dialled, halfOf(flows.dialled.peer)) }),
  };
}

const halfOf = (column: Column) => [...column.keys()].slice(0, Math.floor(column.length / 2));

/** Rows that stay, in their order: the largest by each metric in turn. */
function kept(table: Columns, metrics: readonly string[]): number[] {
  const half = Math.floor((table["source"]?.length ?? 0) / 2);
  const rankings = metrics.flatMap((metric) => {
    const values = table[metric] as number[] | undefined;
    return values ? [topIndexes(values, values.length, half)] : [];
  });
  return interleave(rankings, half).toSorted((a, b) => a - b);
}

const picked = <Table extends object>(table: Table, rows: readonly number[]): Table =>
  Object.fromEntries(
    Object.entries(table).map(([name, column]) => [name, rows.map((row) => (column as Column)[row])]),
  ) as Table;

function remainder<Rest extends object>(
  rest: Rest,
  table: Columns,
  rows: readonly number[],
  names: readonly string[],
): Rest {
  const stays = new Set(rows);
  const left = { ...rest } as Record<string, unknown>;
  for (const name of names) {
    const column = table[name] as number[] | undefined;
    const gone = column?.reduce((sum, value, row) => (stays.has(row) ? sum : sum + value), 0) ?? 0;
    if (column) left[name] = Math.min((left[name] as number) + gone, Number.MAX_SAFE_INTEGER);
  }
  return left as Rest;
}

const ADDRESS_COLUMNS = ["source", "peer", "natAddress", "address"];
const eachTable = (report: Report) =>
  [
    report.flows?.talkers,
    report.flows?.groups,
    report.flows?.dialled,
    report.leases,
    report.keyframe,
    report.ports,
    report.ports?.shares,
  ] as (Columns | undefined)[];

/** Only the addresses that are still used, with all indexes of them put right. */
function withAddresses(report: Report & { flows: Flows }): Report {
  const columns = eachTable(report).flatMap((table) => ADDRESS_COLUMNS.map((name) => table?.[name] ?? []));
  const used = new Set(columns.flat().filter((index) => index !== null) as number[]);
  const order = [...used].toSorted((a, b) => a - b);
  const places = new Map(order.map((index, place) => [index, place]));
  const moved = <Table extends object>(table: Table): Table =>
    Object.fromEntries(
      Object.entries(table).map(([name, column]) => [
        name,
        ADDRESS_COLUMNS.includes(name)
          ? (column as (number | null)[]).map((index) => (index === null ? null : places.get(index)))
          : (column as unknown),
      ]),
    ) as Table;
  const { flows, leases, keyframe, ports } = report;
  return {
    ...report,
    flows: {
      ...flows,
      addresses: order.map((index) => flows.addresses[index] ?? ""),
      talkers: moved(flows.talkers),
      groups: moved(flows.groups),
      ...(flows.dialled && { dialled: moved(flows.dialled) }),
    },
    ...(leases && { leases: moved(leases) }),
    ...(keyframe && { keyframe: moved(keyframe) }),
    ...(ports && { ports: { ...moved(ports), shares: moved(ports.shares) } }),
  };
}
