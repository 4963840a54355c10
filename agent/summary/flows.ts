import type { Flows } from "../../api/wire.ts";
import { formatAddress } from "../conntrack/address.ts";
import { NAT_CLASSES } from "../conntrack/nat.ts";
import { type FlowTable, type GroupKey, groupKey } from "./flow-table.ts";
import { interleave, topIndexes } from "./top.ts";

/**
 * Sources listed one by one: twice the Pods a node can hold (kubelet's usual limits are 110 and 250), and few enough that
 * the worst report, with 512 flow groups of random IPv6 addresses, stays well under 48 kB compressed.
 */
export const MAX_LISTED_TALKERS = 512;
/** Flow groups listed one by one; the rest is one exact remainder. */
export const MAX_LISTED_GROUPS = 512;

type Columns<Name extends string> = Record<Name, number[]>;

/**
 * The columns of a report: the largest sources and flow groups, and what is left when they are taken away. Rows stand in
 * the order of their addresses, not of their size: columns with such an order compress a third better.
 */
export function flowsOf(table: FlowTable): Flows {
  const { size } = table.addresses;
  const sources = topIndexes(table.bySource.entries.upTo(size), size, MAX_LISTED_TALKERS);
  const groups = listedGroups(table);
  const book = addressBook(table, sources, groups);
  const talkers = talkerColumns(table, sources.toSorted(by(book.position)), book.position);
  const columns = groupColumns(table, groups, book.position);
  return {
    addresses: book.addresses,
    talkers,
    talkerRemainder: talkerRemainder(table, talkers),
    groups: columns,
    groupRemainder: groupRemainder(table, columns),
  };
}

/** Each metric names its largest in turn; bytes and packets only where the kernel counts them. */
function listedGroups(table: FlowTable): number[] {
  const { entries, unreplied, bytes, packets } = table.byGroup;
  const metrics = table.counted > 0 ? [entries, unreplied, bytes, packets] : [entries, unreplied];
  const size = table.groups.size;
  const rankings = metrics.map((metric) => topIndexes(metric.upTo(size), size, MAX_LISTED_GROUPS));
  return interleave(rankings, MAX_LISTED_GROUPS);
}

type Position = (index: number) => number;

const by = (position: Position) => (a: number, b: number) => position(a) - position(b);

/** The addresses the listed rows use, in order of their bytes, which is also what compresses best. */
function addressBook(table: FlowTable, sources: number[], groups: number[]) {
  const used = new Set(sources);
  for (const group of groups) {
    const { source, peer, natAddress } = groupKey(table, group);
    used.add(source).add(peer);
    if (natAddress >= 0) used.add(natAddress);
  }
  const keyed = [...used].map((index) => ({ index, words: addressWords(table, index) }));
  const ordered = keyed.toSorted((a, b) => compareWords(a.words, b.words)).map(({ index }) => index);
  const positions = new Map(ordered.map((index, position) => [index, position]));
  const position: Position = (index) => positions.get(index) ?? 0;
  return { addresses: ordered.map((index) => addressText(table, index)), position };
}

function talkerColumns(table: FlowTable, sources: number[], position: Position): Flows["talkers"] {
  const { entries, snatEntries, unreplied, peers } = table.bySource;
  return {
    source: sources.map(position),
    entries: sources.map((source) => entries.at(source)),
    snatEntries: sources.map((source) => snatEntries.at(source)),
    unreplied: sources.map((source) => unreplied.at(source)),
    peers: sources.map((source) => peers.at(source)),
  };
}

function groupColumns(table: FlowTable, listed: number[], position: Position): Flows["groups"] {
  const place = ({ source, peer, peerPort }: GroupKey) =>
    [position(source), position(peer), peerPort] as const;
  const rows = listed.map((group) => ({ group, key: groupKey(table, group) }));
  rows.sort((a, b) => compareWords(place(a.key), place(b.key)));
  const keys = rows.map(({ key }) => key);
  const groups = rows.map(({ group }) => group);
  const { entries, unreplied, bytes, packets } = table.byGroup;
  const counters = {
    bytes: groups.map((group) => exact(bytes.at(group))),
    packets: groups.map((group) => exact(packets.at(group))),
  };
  return {
    source: keys.map((key) => position(key.source)),
    peer: keys.map((key) => position(key.peer)),
    peerPort: keys.map((key) => key.peerPort),
    protocol: keys.map((key) => key.protocol),
    nat: keys.map((key) => NAT_CLASSES[key.nat] ?? "none"),
    natAddress: keys.map((key) => (key.natAddress < 0 ? null : position(key.natAddress))),
    entries: groups.map((group) => entries.at(group)),
    unreplied: groups.map((group) => unreplied.at(group)),
    ...(table.counted > 0 && counters),
  };
}

function talkerRemainder(table: FlowTable, listed: Columns<"entries" | "snatEntries" | "unreplied">) {
  const all = table.bySource.entries
    .upTo(table.addresses.size)
    .reduce((count, entries) => count + (entries > 0 ? 1 : 0), 0);
  return {
    sources: all - listed.entries.length,
    entries: table.total.entries - sum(listed.entries),
    snatEntries: table.total.snatEntries - sum(listed.snatEntries),
    unreplied: table.total.unreplied - sum(listed.unreplied),
  };
}

function groupRemainder(table: FlowTable, listed: Flows["groups"]): Flows["groupRemainder"] {
  const { total } = table;
  return {
    groups: table.groups.size - listed.entries.length,
    entries: total.entries - sum(listed.entries),
    unreplied: total.unreplied - sum(listed.unreplied),
    ...(listed.bytes && { bytes: exact(total.bytes - sum(listed.bytes)) }),
    ...(listed.packets && { packets: exact(total.packets - sum(listed.packets)) }),
  };
}

/** The wire takes integers up to 2^53 - 1. Nine petabytes through one table are a kernel's mistake; the report stands. */
const exact = (count: number) => Math.min(Math.max(count, 0), Number.MAX_SAFE_INTEGER);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const WORDS = [0, 1, 2, 3] as const;

function addressWords(table: FlowTable, index: number): number[] {
  return WORDS.map((word) => table.addresses.word(index, word) >>> 0);
}

/** Order of two lists of the same length by their first difference. */
function compareWords(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((word, index) => word !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** IPv4 keys are IPv4-mapped: 0:0:ffff and the address. */
function addressText(table: FlowTable, index: number): string {
  const words = Int32Array.from(WORDS, (word) => table.addresses.word(index, word));
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? formatAddress(words, 3, 4) : formatAddress(words, 0, 6);
}
