import type { Flows } from "../../api/wire.ts";
import { NAT_CLASSES } from "../conntrack/nat.ts";
import { type AddressBook, compareWords } from "./address-book.ts";
import { type FlowTable, type GroupKey, groupKey } from "./flow-table.ts";
import { interleave, topIndexes } from "./top.ts";
import { type Readable, weigh } from "./weights.ts";

/**
 * Sources listed one by one: twice the Pods a node can hold (kubelet's usual limits are 110 and 250), and few enough that
 * the worst report, with 512 flow groups of random IPv6 addresses, stays well under 48 kB compressed.
 */
export const MAX_LISTED_TALKERS = 512;
/** Flow groups listed one by one; the rest is one exact remainder. */
export const MAX_LISTED_GROUPS = 512;

/** Of the listed groups' peers, those whose dialled address is named: more Services than most nodes use. */
export const MAX_LISTED_DIALLED = 256;

/** Which columns the report has: those of what was seen. */
export interface Known {
  /** Openings and ends were seen. */
  lives: boolean;
  /** The timeout of established TCP is known, and so who was idle. */
  idle: boolean;
  /** There are counters to compare with. */
  moved: boolean;
}

/** The rows a report lists, by their numbers in the table. */
export interface ListedFlows {
  sources: number[];
  groups: number[];
  dialled: number[];
}

/** Each metric names its largest in turn. */
export function chooseFlows(table: FlowTable, known: Known, book: AddressBook): ListedFlows {
  const { shown, window } = table;
  const [sources, groups] = [table.addresses.size, table.groups.size];
  const sourceMetrics = [
    shown.bySource.entries,
    ...(known.lives ? [window.bySource.opened, window.bySource.closed] : []),
  ];
  const groupMetrics = [
    shown.byGroup.entries,
    shown.byGroup.unreplied,
    ...(known.lives ? [window.byGroup.opened, window.byGroup.closed] : []),
    ...(known.moved ? [window.byGroup.bytes, window.byGroup.packets] : []),
  ];
  const listed = {
    sources: largest(sourceMetrics, sources, MAX_LISTED_TALKERS),
    groups: largest(groupMetrics, groups, MAX_LISTED_GROUPS),
  };
  const peers = new Set<number>();
  book.add(...listed.sources);
  for (const group of listed.groups) {
    const { source, peer, natAddress } = groupKey(table, group);
    book.add(source, peer, natAddress);
    peers.add(peer);
  }
  const dialled = [...Array(table.dialled.size).keys()]
    .filter((row) => peers.has(table.dialled.row(row).peer))
    .slice(0, MAX_LISTED_DIALLED);
  book.add(...dialled.map((row) => table.dialled.row(row).address));
  return { ...listed, dialled };
}

const largest = (metrics: readonly Readable[], size: number, rows: number) =>
  interleave(
    metrics.map((metric) => topIndexes(metric.upTo(size), size, rows)),
    rows,
  );

/**
 * The columns of a report: the largest sources and flow groups, and what is left when they are taken away. Rows stand in
 * the order of their addresses, not of their size, groups in that of their peers: what depends on the peer then stands in
 * long runs, which compresses a third better than the order of sources, and that a third better than none.
 *
 * @param book closed, so that its positions hold
 */
export function flowColumns(
  table: FlowTable,
  listed: ListedFlows,
  known: Known,
  book: AddressBook,
): Omit<Flows, "addresses"> {
  const talkers = talkerColumns(table, listed.sources, known, book);
  const groups = groupColumns(table, listed.groups, known, book);
  const error = {
    sources: Math.max(table.shown.error.sources, table.window.error.sources),
    groups: Math.max(table.shown.error.groups, table.window.error.groups),
  };
  return {
    talkers,
    talkerRemainder: talkerRemainder(table, talkers),
    groups,
    groupRemainder: groupRemainder(table, groups),
    ...(error.sources + error.groups > 0 && { error }),
    ...(listed.dialled.length > 0 && { dialled: dialledColumns(table, listed.dialled, book) }),
  };
}

function talkerColumns(
  { shown, window }: FlowTable,
  listed: readonly number[],
  known: Known,
  book: AddressBook,
): Flows["talkers"] {
  const sources = listed.toSorted((a, b) => book.position(a) - book.position(b));
  const { entries, snatEntries, unreplied, peers, established, idle, closeWait } = shown.bySource;
  const column = (tally: { at(index: number): number }) => sources.map((source) => tally.at(source));
  return {
    source: sources.map((source) => book.position(source)),
    entries: column(entries),
    snatEntries: column(snatEntries),
    unreplied: column(unreplied),
    peers: column(peers),
    ...(known.lives && { opened: column(window.bySource.opened), closed: column(window.bySource.closed) }),
    established: column(established),
    ...(known.idle && { idle: column(idle) }),
    closeWait: column(closeWait),
  };
}

function groupColumns(
  table: FlowTable,
  listed: readonly number[],
  known: Known,
  book: AddressBook,
): Flows["groups"] {
  const position = (address: number) => book.position(address);
  const place = ({ source, peer, peerPort }: GroupKey) => [position(peer), peerPort, position(source)];
  const rows = listed
    .map((group) => ({ group, key: groupKey(table, group) }))
    .toSorted((a, b) => compareWords(place(a.key), place(b.key)));
  const keys = rows.map(({ key }) => key);
  const { shown, window } = table;
  const column = (tally: { at(index: number): number }) => rows.map(({ group }) => exact(tally.at(group)));
  return {
    source: keys.map((key) => position(key.source)),
    peer: keys.map((key) => position(key.peer)),
    peerPort: keys.map((key) => key.peerPort),
    protocol: keys.map((key) => key.protocol),
    nat: keys.map((key) => NAT_CLASSES[key.nat] ?? "none"),
    natAddress: keys.map((key) => (key.natAddress < 0 ? null : position(key.natAddress))),
    ...(keys.some((key) => key.zone > 0) && { zone: keys.map((key) => key.zone) }),
    entries: column(shown.byGroup.entries),
    unreplied: column(shown.byGroup.unreplied),
    ...(known.lives && { opened: column(window.byGroup.opened), closed: column(window.byGroup.closed) }),
    ...(known.moved && { bytes: column(window.byGroup.bytes), packets: column(window.byGroup.packets) }),
  };
}

function talkerRemainder(table: FlowTable, listed: Flows["talkers"]): Flows["talkerRemainder"] {
  const { shown, window } = table;
  const { total } = shown;
  const all = anywhere(table.addresses.size, [
    shown.bySource.entries,
    ...(listed.opened ? [window.bySource.opened, window.bySource.closed] : []),
  ]);
  return {
    sources: all - listed.entries.length,
    entries: total.entries - sum(listed.entries),
    snatEntries: total.snatEntries - sum(listed.snatEntries),
    unreplied: total.unreplied - sum(listed.unreplied),
    ...livesLeft(table, listed),
    ...(listed.established && { established: total.established - sum(listed.established) }),
    ...(listed.idle && { idle: total.idle - sum(listed.idle) }),
    ...(listed.closeWait && { closeWait: total.closeWait - sum(listed.closeWait) }),
  };
}

function groupRemainder(table: FlowTable, listed: Flows["groups"]): Flows["groupRemainder"] {
  const { shown, window } = table;
  const { opened, closed, bytes, packets } = window.byGroup;
  const all = anywhere(table.groups.size, [
    shown.byGroup.entries,
    ...(listed.opened ? [opened, closed] : []),
    ...(listed.bytes ? [bytes, packets] : []),
  ]);
  return {
    groups: all - listed.entries.length,
    entries: shown.total.entries - sum(listed.entries),
    unreplied: shown.total.unreplied - sum(listed.unreplied),
    ...livesLeft(table, listed),
    ...(listed.bytes && { bytes: exact(window.total.bytes - sum(listed.bytes)) }),
    ...(listed.packets && { packets: exact(window.total.packets - sum(listed.packets)) }),
  };
}

const livesLeft = ({ window }: FlowTable, { opened, closed }: Partial<Flows["groups"]>) => ({
  ...(opened && { opened: window.total.opened - sum(opened) }),
  ...(closed && { closed: window.total.closed - sum(closed) }),
});

/** Rows that have anything in any of these. */
function anywhere(size: number, tallies: readonly Readable[]): number {
  const weights = weigh(size, tallies);
  let rows = 0;
  for (let row = 0; row < size; row += 1) if (weights[row]) rows += 1;
  return rows;
}

function dialledColumns(
  { dialled }: FlowTable,
  listed: readonly number[],
  book: AddressBook,
): Flows["dialled"] {
  const rows = listed.map((row) => dialled.row(row));
  return {
    peer: rows.map(({ peer }) => book.position(peer)),
    peerPort: rows.map(({ peerPort }) => peerPort),
    protocol: rows.map(({ protocol }) => protocol),
    address: rows.map(({ address }) => book.position(address)),
    port: rows.map(({ port }) => port),
  };
}

/** The wire takes integers up to 2^53 - 1. Nine petabytes through one table are a kernel's mistake; the report stands. */
const exact = (count: number) => Math.min(Math.max(count, 0), Number.MAX_SAFE_INTEGER);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
