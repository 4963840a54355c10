import type { LeaseChanges } from "../../api/wire.ts";
import { type AddressBook, compareWords } from "./address-book.ts";
import { type FlowTable, type GroupKey, groupKey } from "./flow-table.ts";
import type { LeaseRows } from "./lease-log.ts";
import { topIndexes } from "./top.ts";

/** As many as the wire takes. */
export const MAX_LEASE_HOLDERS = 16_384;

/** The rows whose holder is named, and how many are not. */
export interface ChosenLeases {
  rows: LeaseRows;
  holders: ReadonlyMap<number, GroupKey>;
  omitted: number;
}

/** The largest holders first, as long as there is room for them and their addresses. */
export function chooseLeases(rows: LeaseRows, table: FlowTable, book: AddressBook): ChosenLeases {
  const leases = new Uint32Array(table.groups.size);
  for (let row = 0; row < rows.size; row += 1) {
    const group = rows.groups[row] as number;
    if (group >= 0) leases[group] = (leases[group] as number) + 1;
  }
  const holders = new Map<number, GroupKey>();
  let listed = 0;
  for (const group of topIndexes(leases, leases.length, MAX_LEASE_HOLDERS)) {
    const key = groupKey(table, group);
    if (!book.fits([key.source, key.natAddress, key.peer])) continue;
    holders.set(group, key);
    listed += leases[group] as number;
  }
  return { rows, holders, omitted: rows.size - listed };
}

type Columns = Omit<LeaseChanges, "closed" | "omitted">;

/** The columns of chosen leases, holder by holder and port by port; `closed` for rows that know it. */
export function leaseColumns({ rows, holders }: ChosenLeases, book: AddressBook, from: number) {
  const position = (address: number) => book.position(address);
  const place = (key: GroupKey) => [
    ...[key.source, key.natAddress, key.peer].map(position),
    key.peerPort,
    key.protocol,
    key.zone,
  ];
  const ordered = [...holders]
    .map(([group, key]) => ({ group, key, place: place(key) }))
    .toSorted((a, b) => compareWords(a.place, b.place));
  const order = orderOf(
    rows,
    ordered.map(({ group }) => group),
  );
  const keys = ordered.map(({ key }) => key);
  return { ...holderColumns(keys, book), ...rowColumns(rows, order, Math.floor(from / 1000)) };
}

function holderColumns(keys: readonly GroupKey[], book: AddressBook) {
  return {
    source: keys.map((key) => book.position(key.source)),
    natAddress: keys.map((key) => book.position(key.natAddress)),
    peer: keys.map((key) => book.position(key.peer)),
    peerPort: keys.map((key) => key.peerPort),
    protocol: keys.map((key) => key.protocol),
    ...(keys.some((key) => key.zone > 0) && { zone: keys.map((key) => key.zone) }),
  };
}

const PORTS = 2 ** 16;
const ROWS = 2 ** 17;

/** Rows in order of holder, NAT port and time; rank (14 bits), port (16) and row (17) fit one exact number. */
function orderOf({ size, groups, ports }: LeaseRows, holders: readonly number[]): Float64Array {
  const ranks = new Map(holders.map((group, rank) => [group, rank]));
  const keys = new Float64Array(size);
  let listed = 0;
  for (let row = 0; row < size; row += 1) {
    const rank = ranks.get(groups[row] as number);
    if (rank === undefined) continue;
    keys[listed] = (rank * PORTS + ((ports[row] as number) >>> 16)) * ROWS + row;
    listed += 1;
  }
  return keys.subarray(0, listed).toSorted();
}

function rowColumns(rows: LeaseRows, order: Float64Array, from: number) {
  const columns = { leases: [] as number[], natPort: [] as number[], sourcePort: [] as number[] };
  let holder = -1;
  let before = 0;
  for (const key of order) {
    const rank = Math.floor(key / (PORTS * ROWS));
    const packed = rows.ports[key % ROWS] as number;
    const natPort = packed >>> 16;
    if (rank !== holder) before = 0;
    holder = rank;
    columns.leases[rank] = (columns.leases[rank] ?? 0) + 1;
    columns.natPort.push(natPort - before);
    columns.sourcePort.push((packed & 0xffff) - natPort);
    before = natPort;
  }
  const seconds = (column: Uint32Array): (number | null)[] =>
    Array.from(order, (key) => (column[key % ROWS] ? (column[key % ROWS] ?? 0) - from : null));
  const opened: Columns["opened"] = seconds(rows.opened);
  const closed: LeaseChanges["closed"] = rows.closed ? seconds(rows.closed) : [];
  return { ...columns, opened, closed };
}
