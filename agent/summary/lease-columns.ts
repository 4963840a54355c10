import type { LeaseChanges } from "../../api/wire.ts";
import type { AddressBook } from "./address-book.ts";
import type { FlowTable } from "./flow-table.ts";
import type { LeaseRows } from "./lease-rows.ts";
import { topIndexes } from "./top.ts";
import { ZONE_BITS } from "./zones.ts";

/** As many as the wire takes. */
export const MAX_LEASE_HOLDERS = 16_384;

/** The rows whose holder is named, and how many are not. */
export interface ChosenLeases {
  rows: LeaseRows;
  table: FlowTable;
  /** Numbers of groups. */
  holders: Int32Array;
  omitted: number;
}

/** The largest holders first, as long as there is room for them and their addresses. */
export function chooseLeases(rows: LeaseRows, table: FlowTable, book: AddressBook): ChosenLeases {
  const leases = new Uint32Array(table.groups.size);
  for (let row = 0; row < rows.size; row += 1) {
    const group = rows.groups[row] as number;
    if (group >= 0) leases[group] = (leases[group] as number) + 1;
  }
  const holders = new Int32Array(Math.min(rows.size, MAX_LEASE_HOLDERS));
  let size = 0;
  let listed = 0;
  for (const group of topIndexes(leases, leases.length, MAX_LEASE_HOLDERS)) {
    const { groups } = table;
    if (!book.fits(groups.word(group, 0), groups.word(group, 1), natAddressOf(table, group))) continue;
    holders[size] = group;
    size += 1;
    listed += leases[group] as number;
  }
  return { rows, table, holders: holders.subarray(0, size), omitted: rows.size - listed };
}

const natAddressOf = ({ groups }: FlowTable, group: number) => (groups.word(group, 2) >>> ZONE_BITS) - 1;

type Columns = Omit<LeaseChanges, "closed" | "omitted">;

/**
 * The columns of chosen leases, holder by holder and port by port; `closed` for rows that know it. In plain loops over
 * typed arrays: an object a row or holder, gone a moment later, costs megabytes that stay with the young generation.
 */
export function leaseColumns({ rows, table, holders }: ChosenLeases, book: AddressBook, from: number) {
  const columns = holderColumns(table, holders, book);
  const ranked = new Uint32Array(holders.length);
  for (let at = 0; at < ranked.length; at += 1) ranked[at] = at;
  ranked.sort((a, b) => difference(columns, a, b));
  const ranks = new Int32Array(table.groups.size).fill(-1);
  for (let rank = 0; rank < ranked.length; rank += 1) ranks[holders[ranked[rank] as number] as number] = rank;
  const [peer, peerPort, natAddress, source, protocol, zone] = columns;
  return {
    source: picked(source, ranked),
    natAddress: picked(natAddress, ranked),
    peer: picked(peer, ranked),
    peerPort: picked(peerPort, ranked),
    protocol: picked(protocol, ranked),
    ...(zone.some((zone) => zone > 0) && { zone: picked(zone, ranked) }),
    ...rowColumns(rows, orderOf(rows, ranks), { holders: ranked.length, from: Math.floor(from / 1000) }),
  };
}

/**
 * Peer, its port, NAT address, source, protocol and zone of each holder, by which they are sorted in this order: what
 * depends on the peer then stands in long runs.
 */
function holderColumns({ groups, zones }: FlowTable, holders: Int32Array, book: AddressBook) {
  const column = () => new Int32Array(holders.length);
  const columns = [column(), column(), column(), column(), column(), column()] as const;
  for (let at = 0; at < holders.length; at += 1) {
    const group = holders[at] as number;
    const place = groups.word(group, 2);
    const packed = groups.word(group, 3);
    columns[0][at] = book.position(groups.word(group, 1));
    columns[1][at] = packed >>> 10;
    columns[2][at] = book.position((place >>> ZONE_BITS) - 1);
    columns[3][at] = book.position(groups.word(group, 0));
    columns[4][at] = (packed >>> 2) & 0xff;
    columns[5][at] = zones.zone(place & (2 ** ZONE_BITS - 1));
  }
  return columns;
}

function difference(columns: readonly Int32Array[], a: number, b: number): number {
  for (let at = 0; at < columns.length; at += 1) {
    const column = columns[at] as Int32Array;
    const difference = (column[a] as number) - (column[b] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function picked(column: Int32Array, order: Uint32Array): number[] {
  const values = zeros(order.length);
  for (let at = 0; at < order.length; at += 1) values[at] = column[order[at] as number] as number;
  return values;
}

/** As large as it will be: an array that grows leaves copies of itself behind. */
const zeros = (length: number) => Array<number>(length).fill(0);

const PORTS = 2 ** 16;
const ROWS = 2 ** 17;

/** Rows in order of holder, NAT port and time; rank (14 bits), port (16) and row (17) fit one exact number. */
function orderOf({ size, groups, ports }: LeaseRows, ranks: Int32Array): Float64Array {
  const keys = new Float64Array(size);
  let listed = 0;
  for (let row = 0; row < size; row += 1) {
    const group = groups[row] as number;
    const rank = group < 0 ? -1 : (ranks[group] as number);
    if (rank < 0) continue;
    keys[listed] = (rank * PORTS + ((ports[row] as number) >>> 16)) * ROWS + row;
    listed += 1;
  }
  return keys.subarray(0, listed).toSorted();
}

function rowColumns(
  rows: LeaseRows,
  order: Float64Array,
  { holders, from }: { holders: number; from: number },
) {
  const size = order.length;
  const [leases, natPort, sourcePort] = [zeros(holders), zeros(size), zeros(size)];
  let holder = -1;
  let before = 0;
  for (let at = 0; at < size; at += 1) {
    const key = order[at] as number;
    const rank = Math.floor(key / (PORTS * ROWS));
    const packed = rows.ports[key % ROWS] as number;
    const port = packed >>> 16;
    if (rank !== holder) before = 0;
    holder = rank;
    leases[rank] = (leases[rank] as number) + 1;
    natPort[at] = port - before;
    sourcePort[at] = (packed & 0xffff) - port;
    before = port;
  }
  const opened: Columns["opened"] = seconds(rows.opened, order, from);
  const closed: LeaseChanges["closed"] = rows.closed ? seconds(rows.closed, order, from) : [];
  return { leases, natPort, sourcePort, opened, closed };
}

function seconds(column: Uint32Array, order: Float64Array, from: number): (number | null)[] {
  const values = Array<number | null>(order.length).fill(null);
  for (let at = 0; at < order.length; at += 1) {
    const second = column[(order[at] as number) % ROWS] as number;
    if (second > 0) values[at] = second - from;
  }
  return values;
}
