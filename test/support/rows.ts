import type { Flows } from "../../api/wire.ts";
import { formatAddress } from "../../agent/conntrack/address.ts";
import type { PlainEntry } from "./entries.ts";

type Cell = number | string | null;
type Row = Record<string, Cell>;

/** The columns of a report as rows, with addresses for indexes. */
export function rowsOf(flows: Flows): { talkers: Row[]; groups: Row[] } {
  return { talkers: rows(flows.talkers, flows.addresses), groups: rows(flows.groups, flows.addresses) };
}

export const summed = (rows: readonly Row[], column: string) =>
  rows.reduce((sum, row) => sum + Number(row[column] ?? 0), 0);

/** Talkers by the book: sets and maps of words, one entry at a time. */
export function expectedTalkers(entries: readonly PlainEntry[]): Map<Cell, Row> {
  const talkers = new Map<Cell, Row & { seen: Set<number> }>();
  for (const entry of entries) {
    const source = addressText(entry.source, entry.ipv6);
    const row = talkers.get(source) ?? { source, entries: 0, snatEntries: 0, unreplied: 0, peers: 0, seen: new Set() };
    const snat = entry.natAddress !== undefined && entry.natAddress !== entry.source;
    row["entries"] = Number(row["entries"]) + 1;
    row["snatEntries"] = Number(row["snatEntries"]) + (snat ? 1 : 0);
    row["unreplied"] = Number(row["unreplied"]) + ((entry.status ?? 0) & 2 ? 0 : 1);
    row["peers"] = (row.seen as Set<number>).add(entry.peer).size;
    talkers.set(source, row as Row & { seen: Set<number> });
  }
  return new Map([...talkers].map(([source, { seen: _, ...row }]) => [source, row as Row]));
}

function addressText(last: number, ipv6: boolean | undefined): string {
  return formatAddress(ipv6 ? 6 : 4, Int32Array.of(0x0a000000 | last, 0, 0, 0), 0);
}

function rows(columns: Record<string, readonly Cell[] | undefined>, addresses: readonly string[]): Row[] {
  const size = columns["source"]?.length ?? 0;
  const address = (cell: Cell) => (cell === null ? null : (addresses[Number(cell)] ?? null));
  return Array.from({ length: size }, (_, at) => {
    const cells = Object.entries(columns).map(([name, column]) => [name, column?.[at] ?? null] as const);
    const named = cells.map(([name, cell]) => [name, ["source", "peer", "natAddress"].includes(name) && name !== "peers" ? address(cell) : cell]);
    return Object.fromEntries(named.filter(([name]) => columns[String(name)] !== undefined)) as Row;
  });
}
