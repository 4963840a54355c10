import type { Bucket, Dimension, Owner, Table } from "../fold/table.ts";
import { fieldsOf } from "../fold/keys.ts";
import { NAT_CLASSES } from "../segment.ts";
import type { NatClass, Segment } from "../segment.ts";

/** What one source had, and who it was where the row itself says so. */
export type SourceFact = {
  address: string;
  owner?: Owner | undefined;
  entries: number;
  snatEntries: number;
  unreplied: number;
  peers: number;
} & { [name in (typeof SOURCE_OPTIONS)[number]]?: number | undefined };

export type GroupFact = {
  address: string;
  owner?: Owner | undefined;
  peer: string;
  peerPort: number;
  protocol: number;
  nat: NatClass;
  natAddress: string | undefined;
  entries: number;
  unreplied: number;
  opened?: number | undefined;
};

/** Flows of a node by source and by group, as a window or a bucket has them. Totals are with what is not listed. */
export type FlowFacts = {
  sources: SourceFact[];
  groups: GroupFact[];
  entries: number;
  unreplied: number;
  opened?: number | undefined;
  /** At most so many entries of any one source are missing from its row. */
  error: number;
};

const SOURCE_OPTIONS = ["opened", "established", "idle", "closeWait"] as const;

export function factsOfSegment({ addresses, talkers, talkerRemainder, groups, error }: Segment): FlowFacts {
  const address = (place: number | null | undefined) =>
    place === null || place === undefined ? undefined : addresses[place];
  return {
    sources: talkers.source.map((source, i) => ({
      address: address(source) ?? "",
      entries: talkers.entries[i] ?? 0,
      snatEntries: talkers.snatEntries[i] ?? 0,
      unreplied: talkers.unreplied[i] ?? 0,
      peers: talkers.peers[i] ?? 0,
      ...Object.fromEntries(SOURCE_OPTIONS.map((name) => [name, talkers[name]?.[i]])),
    })),
    groups: groups.source.map((source, i) => ({
      address: address(source) ?? "",
      peer: address(groups.peer[i]) ?? "",
      peerPort: groups.peerPort[i] ?? 0,
      protocol: groups.protocol[i] ?? 0,
      nat: groups.nat[i] ?? "none",
      natAddress: address(groups.natAddress[i]),
      entries: groups.entries[i] ?? 0,
      unreplied: groups.unreplied[i] ?? 0,
      opened: groups.opened?.[i],
    })),
    entries: total(talkers.entries, talkerRemainder.entries),
    unreplied: total(talkers.unreplied, talkerRemainder.unreplied),
    opened: talkers.opened && total(talkers.opened, talkerRemainder.opened),
    error: error?.sources ?? 0,
  };
}

const total = (listed: readonly number[] = [], rest = 0): number =>
  listed.reduce((sum, value) => sum + value, rest);

/** Of a bucket of a node: of entries each row has the most at once, so that rows may add up to more than there ever were. */
export function factsOfBucket({ source, group }: Bucket): FlowFacts | undefined {
  if (!source || !group) return undefined;
  return {
    sources: factsOfSources(source),
    groups: rowsOf(group, "group").map(({ fields, value }) => {
      const { source: address, peer, port: peerPort, protocol, nat, natAddress, zone: _, ...owner } = fields;
      return {
        address,
        owner,
        peer,
        peerPort,
        protocol,
        nat: NAT_CLASSES[nat] ?? "none",
        natAddress: natAddress || undefined,
        entries: value("entries") ?? 0,
        unreplied: value("unreplied") ?? 0,
        opened: value("opened"),
      };
    }),
    entries: total(source.columns.entries, source.rest.entries),
    unreplied: total(source.columns.unreplied, source.rest.unreplied),
    opened: source.columns.opened && total(source.columns.opened, source.rest.opened),
    error: source.lack.entries ?? 0,
  };
}

/** Rows of the table `source` of a bucket. */
export const factsOfSources = (table: Table): SourceFact[] =>
  rowsOf(table, "source").map(({ fields: { address, ...owner }, value }) => ({
    address,
    owner,
    entries: value("entries") ?? 0,
    snatEntries: value("snatEntries") ?? 0,
    unreplied: value("unreplied") ?? 0,
    peers: value("peers") ?? 0,
    opened: value("opened"),
  }));

type Column = keyof Table["columns"];

function rowsOf<D extends Dimension>({ keys, columns }: Table, dimension: D) {
  return keys.map((key, i) => ({
    fields: fieldsOf(dimension, key),
    value: (name: Column): number | undefined => columns[name]?.[i],
  }));
}
