import { formatAddress } from "../../agent/conntrack/address.ts";
import type { Flows } from "../../api/wire.ts";
import type { PlainEntry } from "./entries.ts";

type Cell = number | string | null;
type Row = Record<string, Cell>;

/** The columns of a report as rows, with addresses for indexes. */
export function rowsOf(flows: Flows): { talkers: Row[]; groups: Row[] } {
  return { talkers: rows(flows.talkers, flows.addresses), groups: rows(flows.groups, flows.addresses) };
}

export const summed = (rows: readonly Row[], column: string) =>
  rows.reduce((sum, row) => sum + Number(row[column] ?? 0), 0);

/** Talkers by the book: filters and sets, one source at a time. */
export function expectedTalkers(entries: readonly PlainEntry[]): Map<Cell, Row> {
  const bySource = Map.groupBy(entries, ({ source, ipv6 }) => addressText(source, ipv6));
  return new Map(
    [...bySource].map(([source, own]) => [
      source,
      {
        source,
        entries: own.length,
        snatEntries: own.filter((entry) => (entry.natAddress ?? entry.source) !== entry.source).length,
        unreplied: own.filter((entry) => !((entry.status ?? 0) & 2)).length,
        peers: new Set(own.map(({ peer }) => peer)).size,
        established: own.filter((entry) => (entry.protocol ?? 6) === 6 && (entry.state ?? 3) === 3).length,
        closeWait: own.filter((entry) => (entry.protocol ?? 6) === 6 && entry.state === 5).length,
      },
    ]),
  );
}

function addressText(last: number, ipv6 = false): string {
  return formatAddress(Int32Array.of(0x0a000000 | last, 0, 0, 0), 0, ipv6 ? 6 : 4);
}

const ADDRESS_COLUMNS = ["source", "peer", "natAddress"];

function rows(columns: Record<string, readonly Cell[] | undefined>, addresses: readonly string[]): Row[] {
  const cell = (name: string, value: Cell) =>
    ADDRESS_COLUMNS.includes(name) && value !== null ? (addresses[Number(value)] ?? null) : value;
  return (columns["source"] ?? []).map((_, at) =>
    Object.fromEntries(
      Object.entries(columns).flatMap(([name, column]) =>
        column ? [[name, cell(name, column[at] ?? null)]] : [],
      ),
    ),
  );
}
