import type { ByteReader, ByteWriter } from "./bytes.ts";

/** SNAT mappings, as the report has them (api/wire/leases.ts): holders a row, then their leases one after another. */
export type LeaseTable = {
  /** `source`, `natAddress` and `peer` are indexes of addresses. */
  source: readonly number[];
  natAddress: readonly number[];
  peer: readonly number[];
  peerPort: readonly number[];
  protocol: readonly number[];
  zone?: readonly number[] | undefined;
  leases: readonly number[];
  natPort: readonly number[];
  sourcePort: readonly number[];
  opened: readonly (number | null)[];
  omitted: number;
};
export type LeaseChanges = LeaseTable & { closed: readonly (number | null)[] };
export type LeaseKeyframe = LeaseTable & { [name in (typeof PLACE)[number]]: number };

const PLACE = ["takenAt", "part", "parts", "fromPort", "toPort"] as const;
const PORTS = 65_536;
const PROTOCOLS = 256;
const HOLDER_BYTES = 6;
const LEASE_BYTES = 3;

export function writeChanges(to: ByteWriter, changes: LeaseChanges): void {
  writeTable(to, changes);
  sameRows(changes.closed, changes.natPort.length);
  to.signed(changes.closed);
}

export function readChanges(from: ByteReader, addresses: number): LeaseChanges {
  const table = readTable(from, addresses);
  const closed = from.signed(table.natPort.length);
  from.end();
  return { ...table, closed };
}

export function writeKeyframe(to: ByteWriter, keyframe: LeaseKeyframe): void {
  for (const name of PLACE) to.number(keyframe[name]);
  writeTable(to, keyframe);
}

export function readKeyframe(from: ByteReader, addresses: number): LeaseKeyframe {
  const place = readPlace(from);
  const table = readTable(from, addresses);
  from.end();
  return { ...place, ...table };
}

/** Which part of which dump a keyframe is. */
export function readPlace(from: ByteReader): Record<(typeof PLACE)[number], number> {
  const [takenAt = 0, part = 0, parts = 0, fromPort = 0, toPort = 0] = from.column(PLACE.length);
  return { takenAt, part, parts, fromPort, toPort };
}

function writeTable(to: ByteWriter, table: LeaseTable): void {
  const { source, natAddress, peer, peerPort, protocol, zone, leases } = table;
  const holders = source.length;
  to.number(holders);
  for (const values of [source, natAddress, peer, peerPort, protocol, leases]) to.rows(values, holders);
  to.optional(zone && holders);
  if (zone) to.rows(zone, holders);
  const { natPort, sourcePort, opened, omitted } = table;
  const rows = natPort.length;
  to.number(rows);
  to.rows(natPort, rows);
  sameRows(sourcePort, rows);
  to.signed(sourcePort);
  sameRows(opened, rows);
  to.signed(opened);
  to.number(omitted);
}

function readTable(from: ByteReader, addresses: number): LeaseTable {
  const holders = from.count(HOLDER_BYTES);
  const columns = {
    source: from.column(holders, addresses),
    natAddress: from.column(holders, addresses),
    peer: from.column(holders, addresses),
    peerPort: from.column(holders, PORTS),
    protocol: from.column(holders, PROTOCOLS),
    leases: from.column(holders),
    ...(from.optional() !== undefined && { zone: from.column(holders, PORTS) }),
  };
  const rows = from.count(LEASE_BYTES);
  return {
    ...columns,
    natPort: from.column(rows, PORTS),
    sourcePort: from.signed(rows).map((offset) => offset ?? 0),
    opened: from.signed(rows),
    omitted: from.number(),
  };
}

function sameRows(values: readonly unknown[], rows: number): void {
  if (values.length !== rows)
    throw new RangeError(`a column has ${values.length} rows where natPort has ${rows}`);
}
