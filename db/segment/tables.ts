import { formatAddress, parseAddress } from "../address.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { SegmentError } from "./bytes.ts";

/** In stored order: append only. */
export const NAT_CLASSES = ["none", "snat", "dnat", "both"] as const;
export type NatClass = (typeof NAT_CLASSES)[number];

/**
 * The flow groups and talkers of a window, one array a column. Indexes point into `addresses`. What is optional is unknown
 * where it is missing; where a table has such a column, its remainder has the rest of it.
 */
export type Segment = {
  addresses: readonly string[];
  talkers: {
    source: readonly number[];
    entries: readonly number[];
    snatEntries: readonly number[];
    unreplied: readonly number[];
    peers: readonly number[];
  } & Options<"opened" | "closed" | "established" | "idle" | "closeWait", readonly number[]>;
  talkerRemainder: { sources: number; entries: number; snatEntries: number; unreplied: number } & Options<
    "opened" | "closed" | "established" | "idle" | "closeWait",
    number
  >;
  groups: {
    source: readonly number[];
    peer: readonly number[];
    peerPort: readonly number[];
    protocol: readonly number[];
    nat: readonly NatClass[];
    natAddress: readonly (number | null)[];
    entries: readonly number[];
    unreplied: readonly number[];
    /** `zone` is 0 everywhere where it is missing; bytes and packets are those moved in the window. */
  } & Options<"zone" | "opened" | "closed" | "bytes" | "packets", readonly number[]>;
  groupRemainder: { groups: number; entries: number; unreplied: number } & Options<
    "opened" | "closed" | "bytes" | "packets",
    number
  >;
  /** Entries of sources and groups that the agent could not tell apart; they are in the remainders. */
  untracked?: number | undefined;
  /** At most this many of them are of any one source, and of any one group. */
  error?: { sources: number; groups: number } | undefined;
  /** Service addresses through which peers were reached. */
  dialled?: Record<(typeof DIALLED)[number], readonly number[]> | undefined;
};

type Options<Name extends string, Value> = { [name in Name]?: Value | undefined };
const DIALLED = ["peer", "peerPort", "protocol", "address", "port"] as const;

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
    to.rows(values, rows);
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
  for (const values of columns) to.rows(values, rows);
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

/** What was folded away beyond the remainders. */
export function writeUntracked(to: ByteWriter, { untracked, error }: Segment): void {
  for (const value of [untracked, error?.sources, error?.groups]) to.optional(value);
}

export function readUntracked(from: ByteReader): Pick<Segment, "untracked" | "error"> {
  const [untracked, sources, groups] = [from.optional(), from.optional(), from.optional()];
  from.end();
  return {
    ...(untracked !== undefined && { untracked }),
    ...(sources !== undefined && groups !== undefined && { error: { sources, groups } }),
  };
}

export function writeDialled(to: ByteWriter, dialled: NonNullable<Segment["dialled"]>): void {
  const rows = dialled.peer.length;
  to.number(rows);
  for (const name of DIALLED) to.rows(dialled[name], rows);
}

export function readDialled(from: ByteReader, addresses: number): NonNullable<Segment["dialled"]> {
  const rows = from.count(DIALLED.length);
  const dialled = {
    peer: from.column(rows, addresses),
    peerPort: from.column(rows, PORTS),
    protocol: from.column(rows, PROTOCOLS),
    address: from.column(rows, addresses),
    port: from.column(rows, PORTS),
  };
  from.end();
  return dialled;
}
