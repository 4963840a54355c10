import { type Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC, SEEN_REPLY } from "../conntrack/entry.ts";
import { DNAT, SNAT } from "../conntrack/nat.ts";
import { hasPorts, TCP } from "../conntrack/protocols.ts";
import { TCP_STATE_NAMES } from "../conntrack/states.ts";
import { Dialled } from "./dialled.ts";
import { DumpTallies, WindowTallies } from "./dump-tallies.ts";
import { fingerprintPair } from "./fingerprint.ts";
import { KeyTable } from "./key-table.ts";
import { PairSet } from "./pair-set.ts";
import { foldThreshold } from "./threshold.ts";
import { count, weigh } from "./weights.ts";
import { ZONE_BITS, Zones } from "./zones.ts";

export interface TableLimits {
  /**
   * Flow groups told apart. Half the kernel's usual table size: where more than that are live, nothing repeats, and the
   * largest are found all the same. With all their columns some 8 MB.
   */
  groups: number;
  /** Addresses told apart: a source and half a peer for each group; a key of a group has room for 2^20. */
  addresses: number;
  /** (source, peer) pairs told apart in one dump; beyond them `peers` is a lower bound. */
  pairs: number;
}
export const TABLE_LIMITS: TableLimits = { groups: 131_072, addresses: 196_608, pairs: 131_072 };

/** A group, source or address that no row holds. */
export const NONE = -1;

/** Second-highest 32 bits of an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2): one key space for both families. */
const MAPPED = 0xffff;
const ESTABLISHED = TCP_STATE_NAMES.indexOf("ESTABLISHED");
const CLOSE_WAIT = TCP_STATE_NAMES.indexOf("CLOSE_WAIT");
/** An established flow that was silent for this long is one a shorter timeout would end. */
export const IDLE_S = 3600;

/** What keeps numbers of groups of its own. */
export interface GroupHolder {
  /** Sets 1 for each group that must not be forgotten while it is empty. */
  markGroups(used: Uint8Array): void;
  /** Puts the new numbers for the old ones; -1 for a group that is gone. */
  moveGroups(map: Int32Array): void;
}

/** Sums by source and by flow group over dumps and windows. */
export class FlowTable {
  readonly addresses: KeyTable;
  readonly groups: KeyTable;
  readonly zones = new Zones();
  readonly dialled = new Dialled();
  /** Of the last whole dump. */
  shown = new DumpTallies();
  /** Of the dump under way. */
  pending = new DumpTallies();
  readonly window = new WindowTallies();
  private readonly pairs: PairSet;
  private readonly pair = { a: 0, b: 0 };
  private readonly holders: readonly GroupHolder[];

  /** @param holders those who are told when groups get other numbers */
  constructor(limits: Partial<TableLimits> = {}, holders: readonly GroupHolder[] = []) {
    const { groups, addresses, pairs } = { ...TABLE_LIMITS, ...limits };
    this.addresses = new KeyTable(addresses);
    this.groups = new KeyTable(groups);
    this.pairs = new PairSet(pairs);
    this.holders = holders;
  }

  /** The group of this entry, a new one if need be. Numbers of other groups may fall meanwhile. */
  groupOf(entry: Entry, nat: number): number {
    const group = this.findGroup(entry, nat);
    if (group >= 0) return group;
    this.prune();
    return this.findGroup(entry, nat);
  }

  /** NAT class of a group, as bits of `natBits`. */
  natOf(group: number): number {
    return this.groups.word(group, 3) & 3;
  }

  dumpBegins(): void {
    this.pending.clear();
    this.pairs.clear();
    this.dialled.clear();
  }

  /** Counts one row of the dump. @param idle seconds, or -1 where it is not known */
  add(entry: Entry, group: number, nat: number, idle: number): void {
    const { bySource, byGroup, total } = this.pending;
    const unreplied = entry.status & SEEN_REPLY ? 0 : 1;
    total.entries += 1;
    if (nat & SNAT) total.snatEntries += 1;
    total.unreplied += unreplied;
    const source = group >= 0 ? this.groups.word(group, 0) : this.addressOf(entry, ORIG_SRC);
    if (group >= 0) {
      if (byGroup.entries.at(group) === 0) this.addPeer(entry, source);
      byGroup.entries.add(group, 1);
      byGroup.unreplied.add(group, unreplied);
      if (nat & DNAT) this.dial(entry, group);
    } else this.pending.untracked += 1;
    if (entry.protocol === TCP) this.addState(entry, source, idle);
    if (source < 0) return;
    bySource.entries.add(source, 1);
    bySource.unreplied.add(source, unreplied);
    if (nat & SNAT) bySource.snatEntries.add(source, 1);
  }

  /** Makes the dump the one that is shown, if it is whole, and forgets what neither it nor the window has. */
  dumpEnds(whole: boolean): void {
    if (whole) [this.shown, this.pending] = [this.pending, this.shown];
    this.pending.clear();
    const { size } = this.groups;
    const used = this.groupWeights(true);
    const keep = new Uint8Array(size);
    for (let group = 0; group < size; group += 1) keep[group] = used[group] ? 1 : 0;
    for (const holder of this.holders) holder.markGroups(keep);
    this.compact(keep, 0);
  }

  opened(group: number): void {
    this.window.total.opened += 1;
    if (group < 0) return;
    this.window.byGroup.opened.add(group, 1);
    this.window.bySource.opened.add(this.groups.word(group, 0), 1);
  }

  closed(group: number): void {
    this.window.total.closed += 1;
    if (group < 0) return;
    this.window.byGroup.closed.add(group, 1);
    this.window.bySource.closed.add(this.groups.word(group, 0), 1);
  }

  moved(group: number, bytes: number, packets: number): void {
    this.window.total.bytes += bytes;
    this.window.total.packets += packets;
    if (group < 0) return;
    this.window.byGroup.bytes.add(group, bytes);
    this.window.byGroup.packets.add(group, packets);
  }

  /** Notes by which address the peer of a destination-NATed flow was dialled. */
  dial(entry: Entry, group: number): void {
    if (this.dialled.knows(entry, group)) return;
    const address = this.addressOf(entry, ORIG_DST);
    if (address >= 0) this.dialled.add(entry, this.groups.word(group, 1), address);
  }

  private addState(entry: Entry, source: number, idle: number): void {
    const { bySource, total } = this.pending;
    // A flow handed to a flow table (fast path) arrives without a state, and is not idle either.
    if (entry.state === CLOSE_WAIT) {
      total.closeWait += 1;
      if (source >= 0) bySource.closeWait.add(source, 1);
    }
    if (entry.state !== ESTABLISHED) return;
    total.established += 1;
    if (source >= 0) bySource.established.add(source, 1);
    if (idle < IDLE_S) return;
    total.idle += 1;
    if (source >= 0) bySource.idle.add(source, 1);
  }

  /** A group the dump had not met yet may bring a peer its source did not have yet. */
  private addPeer(entry: Entry, source: number): void {
    fingerprintPair(entry, this.pair);
    if (this.pairs.add(this.pair)) this.pending.bySource.peers.add(source, 1);
  }

  private findGroup(entry: Entry, nat: number): number {
    const source = this.addressOf(entry, ORIG_SRC);
    const peer = this.addressOf(entry, REPLY_SRC);
    const natAddress = nat & SNAT ? this.addressOf(entry, REPLY_DST) : NONE;
    if (source < 0 || peer < 0 || (nat & SNAT && natAddress < 0)) return NONE;
    const port = hasPorts(entry.protocol) ? entry.replySport : 0;
    const zone = this.zones.number(entry.zone || entry.zoneReply);
    const place = ((natAddress + 1) << ZONE_BITS) | zone;
    return this.groups.index(source, peer, place, (port << 10) | (entry.protocol << 2) | nat);
  }

  private addressOf({ family, addresses }: Entry, at: number): number {
    const first = addresses[at] as number;
    if (family === 4) return this.addresses.index(0, 0, MAPPED, first);
    return this.addresses.index(
      first,
      addresses[at + 1] as number,
      addresses[at + 2] as number,
      addresses[at + 3] as number,
    );
  }

  /** Entries and openings of each group, which is what folding it away would hide; with `all`, whatever it has. */
  private groupWeights(all = false): Uint32Array {
    const { byGroup } = this.window;
    const tallies = [this.shown.byGroup.entries, this.pending.byGroup.entries, byGroup.opened];
    return weigh(
      this.groups.size,
      all ? [...tallies, byGroup.closed, byGroup.bytes, byGroup.packets] : tallies,
    );
  }

  private sourceWeights(all = false): Uint32Array {
    const { bySource } = this.window;
    const tallies = [this.shown.bySource.entries, this.pending.bySource.entries, bySource.opened];
    return weigh(this.addresses.size, all ? [...tallies, bySource.closed] : tallies);
  }

  /** Folds the smallest groups away, and the smallest sources with all their groups where addresses are short. */
  private prune(): void {
    const weights = this.groupWeights();
    let most = foldThreshold(weights);
    const keep = new Uint8Array(weights.length);
    for (let group = 0; group < keep.length; group += 1)
      keep[group] = (weights[group] as number) > most ? 1 : 0;
    const sources = this.sourceWeights();
    let least = 0;
    if (2 * count(this.addressesUsed(keep, 0)) > this.addresses.limit) {
      least = foldThreshold(sources.filter((weight) => weight > 0));
      for (let group = 0; group < keep.length; group += 1)
        if ((sources[this.groups.word(group, 0)] as number) <= least) keep[group] = 0;
      most = Math.max(most, least);
    }
    for (const tallies of [this.shown, this.pending, this.window]) {
      tallies.error.groups += most;
      tallies.error.sources += least;
    }
    this.leaveOut(keep);
    this.compact(keep, least);
  }

  private leaveOut(keep: Uint8Array): void {
    for (const dump of [this.shown, this.pending])
      for (let group = 0; group < keep.length; group += 1)
        if (!keep[group]) dump.untracked += dump.byGroup.entries.at(group);
  }

  private addressesUsed(keep: Uint8Array, above: number): Uint8Array {
    const used = new Uint8Array(this.addresses.size);
    const weights = this.sourceWeights(above === 0);
    for (let address = 0; address < used.length; address += 1)
      if ((weights[address] as number) > above) used[address] = 1;
    for (let group = 0; group < keep.length; group += 1) {
      if (!keep[group]) continue;
      const natAddress = (this.groups.word(group, 2) >>> ZONE_BITS) - 1;
      used[this.groups.word(group, 0)] = 1;
      used[this.groups.word(group, 1)] = 1;
      if (natAddress >= 0) used[natAddress] = 1;
    }
    this.dialled.markAddresses(used);
    return used;
  }

  /** Forgets the groups not kept and the addresses that then have no use, and closes the gaps. */
  private compact(keep: Uint8Array, above: number): void {
    const used = this.addressesUsed(keep, above);
    if (count(keep) === keep.length && count(used) === used.length) return;
    const addresses = this.addresses.compact(used);
    const groups = this.groups.compact(keep, (words, at) => moveAddresses(words, at, addresses));
    for (const { bySource, byGroup } of [this.shown, this.pending, this.window]) {
      for (const tally of Object.values(bySource)) tally.compact(addresses, this.addresses.size);
      for (const tally of Object.values(byGroup)) tally.compact(groups, this.groups.size);
    }
    this.dialled.moveAddresses(addresses);
    for (const holder of this.holders) holder.moveGroups(groups);
  }
}

function moveAddresses(words: Int32Array, at: number, map: Int32Array): void {
  const place = words[at + 2] as number;
  const natAddress = (place >>> ZONE_BITS) - 1;
  words[at] = map[words[at] as number] as number;
  words[at + 1] = map[words[at + 1] as number] as number;
  if (natAddress >= 0)
    words[at + 2] = (((map[natAddress] as number) + 1) << ZONE_BITS) | (place & (2 ** ZONE_BITS - 1));
}

export type GroupKey = ReturnType<typeof groupKey>;

/** The columns of a tracked group's key; addresses are numbers of `addresses`. */
export function groupKey({ groups, zones }: FlowTable, group: number) {
  const packed = groups.word(group, 3);
  const place = groups.word(group, 2);
  return {
    source: groups.word(group, 0),
    peer: groups.word(group, 1),
    natAddress: (place >>> ZONE_BITS) - 1,
    zone: zones.zone(place & (2 ** ZONE_BITS - 1)),
    peerPort: packed >>> 10,
    protocol: (packed >>> 2) & 0xff,
    nat: packed & 3,
  };
}
