import { formatAddress, parseAddress } from "../address.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { SegmentError } from "./bytes.ts";

/** In stored order: append only. */
export const NAT_CLASSES = ["none", "snat", "dnat", "both"] as const;
export type NatClass = (typeof NAT_CLASSES)[number];

/** The flow groups and talkers of a window, one array a column. Indexes point into `addresses`. */
export type Segment = {
  addresses: readonly string[];
  talkers: {
    source: readonly number[];
    entries: readonly number[];
    snatEntries: readonly number[];
    unreplied: readonly number[];
    peers: readonly number[];
  };
  talkerRemainder: { sources: number; entries: number; snatEntries: number; unreplied: number };
  groups: {
    source: readonly number[];
    peer: readonly number[];
    peerPort: readonly number[];
    protocol: readonly number[];
    nat: readonly NatClass[];
    natAddress: readonly (number | null)[];
    entries: readonly number[];
    unreplied: readonly number[];
    bytes?: readonly number[] | undefined;
    packets?: readonly number[] | undefined;
  };
  groupRemainder: {
    groups: number;
    entries: number;
    unreplied: number;
    bytes?: number | undefined;
    packets?: number | undefined;
  };
};

type TalkerTable = Pick<Segment, "talkers" | "talkerRemainder">;
type GroupTable = Pick<Segment, "groups" | "groupRemainder">;

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const PORTS = 65_536;
const PROTOCOLS = 256;

export function writeAddresses(to: ByteWriter, addresses: readonly string[]): void {
  const parsed = addresses.map((text) => {
    const bytes = parseAddress(text);
    if (!bytes) throw new RangeError(`${JSON.stringify(text)} is not an address`);
    return bytes;
  });
  to.number(parsed.length);
  to.column(parsed.map((bytes) => bytes.length));
  for (const bytes of parsed) to.raw(bytes);
}

export function readAddresses(from: ByteReader): string[] {
  const lengths = from.column(from.count(1 + IPV4_BYTES));
  const addresses = lengths.map((length) => {
    if (length !== IPV4_BYTES && length !== IPV6_BYTES)
      throw new SegmentError(`the segment has an address of ${length} bytes`);
    return formatAddress(from.raw(length));
  });
  from.end();
  return addresses;
}

export function writeTalkers(to: ByteWriter, { talkers, talkerRemainder: rest }: TalkerTable): void {
  const rows = talkers.source.length;
  to.number(rows);
  for (const values of [
    talkers.source,
    talkers.entries,
    talkers.snatEntries,
    talkers.unreplied,
    talkers.peers,
  ])
    writeColumn(to, values, rows);
  to.column([rest.sources, rest.entries, rest.snatEntries, rest.unreplied]);
}

export function readTalkers(from: ByteReader, addresses: number): TalkerTable {
  const rows = from.count(5);
  const talkers = {
    source: from.column(rows, addresses),
    entries: from.column(rows),
    snatEntries: from.column(rows),
    unreplied: from.column(rows),
    peers: from.column(rows),
  };
  const talkerRemainder = {
    sources: from.number(),
    entries: from.number(),
    snatEntries: from.number(),
    unreplied: from.number(),
  };
  from.end();
  return { talkers, talkerRemainder };
}

export function writeGroups(to: ByteWriter, { groups, groupRemainder: rest }: GroupTable): void {
  const rows = groups.source.length;
  to.number(rows);
  const columns = [
    groups.source,
    groups.peer,
    groups.peerPort,
    groups.protocol,
    groups.nat.map((nat) => NAT_CLASSES.indexOf(nat)),
    groups.natAddress.map((index) => (index === null ? 0 : index + 1)),
    groups.entries,
    groups.unreplied,
  ];
  for (const values of columns) writeColumn(to, values, rows);
  to.column([rest.groups, rest.entries, rest.unreplied]);
}

export function readGroups(from: ByteReader, addresses: number): GroupTable {
  const rows = from.count(8);
  const groups = {
    source: from.column(rows, addresses),
    peer: from.column(rows, addresses),
    peerPort: from.column(rows, PORTS),
    protocol: from.column(rows, PROTOCOLS),
    nat: from.column(rows, NAT_CLASSES.length).map((nat) => NAT_CLASSES[nat] ?? "none"),
    natAddress: from.column(rows, addresses + 1).map((index) => (index === 0 ? null : index - 1)),
    entries: from.column(rows),
    unreplied: from.column(rows),
  };
  const groupRemainder = { groups: from.number(), entries: from.number(), unreplied: from.number() };
  from.end();
  return { groups, groupRemainder };
}

/** Bytes and packets: four parts, each there or not, since accounting may be off. */
export function writeTraffic(to: ByteWriter, { groups, groupRemainder: rest }: GroupTable): void {
  const rows = groups.source.length;
  for (const values of [groups.bytes, groups.packets]) {
    to.number(values ? rows + 1 : 0);
    if (values) writeColumn(to, values, rows);
  }
  for (const value of [rest.bytes, rest.packets]) to.column(value === undefined ? [0] : [1, value]);
}

export function readTraffic(from: ByteReader, { groups, groupRemainder: rest }: GroupTable): void {
  const column = () => {
    const rows = from.number() - 1;
    if (rows < 0) return undefined;
    if (rows !== groups.source.length) throw new SegmentError("the segment has columns of unequal length");
    return from.column(rows);
  };
  const [bytes, packets] = [column(), column()];
  if (bytes) groups.bytes = bytes;
  if (packets) groups.packets = packets;
  const [restBytes, restPackets] = [optional(from), optional(from)];
  if (restBytes !== undefined) rest.bytes = restBytes;
  if (restPackets !== undefined) rest.packets = restPackets;
  from.end();
}

function optional(from: ByteReader): number | undefined {
  return from.number() === 0 ? undefined : from.number();
}

function writeColumn(to: ByteWriter, values: readonly number[], rows: number): void {
  if (values.length !== rows)
    throw new RangeError(`a column has ${values.length} rows where source has ${rows}`);
  to.column(values);
}
