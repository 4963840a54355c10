import {
  type Entry,
  ORIG_BYTES,
  ORIG_PACKETS,
  ORIG_SRC,
  REPLY_BYTES,
  REPLY_DST,
  REPLY_PACKETS,
  REPLY_SRC,
  SEEN_REPLY,
} from "../conntrack/entry.ts";
import { SNAT } from "../conntrack/nat.ts";
import { hasPorts } from "../conntrack/protocols.ts";
import { KeyTable } from "./key-table.ts";
import { Tally } from "./tally.ts";

/**
 * Flow groups and (source, peer) pairs told apart in one window. 262,144 is the kernel's usual table size, so only a
 * larger table in which every entry is a group of its own goes over it; the rest is counted in the remainder.
 */
export const MAX_TRACKED_GROUPS = 262_144;
/** Addresses told apart: a source and a peer for each group that can be tracked. */
export const MAX_TRACKED_ADDRESSES = 2 * MAX_TRACKED_GROUPS;

/** Second-highest 32 bits of an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2): one key space for both families. */
const MAPPED = 0xffff;
const NO_ADDRESS = -1;

/** Sums of one window by source and by flow group, with totals that hold whatever was tracked. */
export class FlowTable {
  readonly addresses: KeyTable;
  readonly groups: KeyTable;
  private readonly pairs: KeyTable;
  readonly bySource = {
    entries: new Tally(),
    snatEntries: new Tally(),
    unreplied: new Tally(),
    peers: new Tally(),
  };
  readonly byGroup = {
    entries: new Tally(),
    unreplied: new Tally(),
    bytes: new Tally(),
    packets: new Tally(),
  };
  readonly total = { entries: 0, snatEntries: 0, unreplied: 0, bytes: 0, packets: 0 };
  /** Entries that carry counters. */
  counted = 0;
  /** Entries that no tracked group holds. */
  untracked = 0;

  constructor(maxGroups = MAX_TRACKED_GROUPS, maxAddresses = MAX_TRACKED_ADDRESSES) {
    this.addresses = new KeyTable(maxAddresses);
    this.groups = new KeyTable(maxGroups);
    this.pairs = new KeyTable(maxGroups);
  }

  /** @param nat NAT class of the entry as bits of `natBits` */
  add(entry: Entry, nat: number): void {
    const snat = nat & SNAT ? 1 : 0;
    const unreplied = entry.status & SEEN_REPLY ? 0 : 1;
    this.total.entries += 1;
    this.total.snatEntries += snat;
    this.total.unreplied += unreplied;
    const source = this.address(entry, ORIG_SRC);
    if (source >= 0) {
      this.bySource.entries.add(source, 1);
      if (snat) this.bySource.snatEntries.add(source, 1);
      if (unreplied) this.bySource.unreplied.add(source, 1);
    }
    const group = source >= 0 ? this.group(entry, source, nat) : -1;
    if (group >= 0) {
      this.byGroup.entries.add(group, 1);
      if (unreplied) this.byGroup.unreplied.add(group, 1);
    } else this.untracked += 1;
    if (entry.counted) this.count(entry, group);
  }

  clear(): void {
    for (const table of [this.addresses, this.groups, this.pairs]) table.clear();
    for (const tally of [...Object.values(this.bySource), ...Object.values(this.byGroup)]) tally.clear();
    Object.assign(this.total, { entries: 0, snatEntries: 0, unreplied: 0, bytes: 0, packets: 0 });
    this.counted = 0;
    this.untracked = 0;
  }

  private count({ counters }: Entry, group: number): void {
    const bytes = (counters[ORIG_BYTES] as number) + (counters[REPLY_BYTES] as number);
    const packets = (counters[ORIG_PACKETS] as number) + (counters[REPLY_PACKETS] as number);
    this.counted += 1;
    this.total.bytes += bytes;
    this.total.packets += packets;
    if (group < 0) return;
    this.byGroup.bytes.add(group, bytes);
    this.byGroup.packets.add(group, packets);
  }

  private group(entry: Entry, source: number, nat: number): number {
    const peer = this.address(entry, REPLY_SRC);
    const natAddress = nat & SNAT ? this.address(entry, REPLY_DST) : NO_ADDRESS;
    if (peer < 0 || (nat & SNAT && natAddress < 0)) return -1;
    const port = hasPorts(entry.protocol) ? entry.replySport : 0;
    const before = this.groups.size;
    const group = this.groups.index(source, peer, natAddress, (port << 10) | (entry.protocol << 2) | nat);
    if (group === before) this.pair(source, peer);
    return group;
  }

  /** A group seen for the first time may bring a peer its source did not have yet. */
  private pair(source: number, peer: number): void {
    const before = this.pairs.size;
    if (this.pairs.index(source, peer, 0, 0) === before) this.bySource.peers.add(source, 1);
  }

  private address({ family, addresses }: Entry, at: number): number {
    const first = addresses[at] as number;
    if (family === 4) return this.addresses.index(0, 0, MAPPED, first);
    return this.addresses.index(
      first,
      addresses[at + 1] as number,
      addresses[at + 2] as number,
      addresses[at + 3] as number,
    );
  }
}

export type GroupKey = ReturnType<typeof groupKey>;

/** The columns of a tracked group's key. */
export function groupKey(table: FlowTable, group: number) {
  const packed = table.groups.word(group, 3);
  return {
    source: table.groups.word(group, 0),
    peer: table.groups.word(group, 1),
    natAddress: table.groups.word(group, 2),
    peerPort: packed >>> 10,
    protocol: (packed >>> 2) & 0xff,
    nat: packed & 3,
  };
}
