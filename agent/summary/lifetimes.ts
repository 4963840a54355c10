import { type Entry, ORIG_BYTES, ORIG_PACKETS, REPLY_BYTES, REPLY_PACKETS } from "../conntrack/entry.ts";
import { fingerprintFlow } from "./fingerprint.ts";
import { FlowMemory, MAX_FLOWS } from "./flow-memory.ts";

/** Its opening was counted. */
const COUNTED = 1 << 0;
/** Found by the dump under way. */
const SEEN = 1 << 1;
/** Known from the first dumps only: it began before anybody watched. */
const OLDER = 1 << 2;
/** What its counters were at first sight is in no sum. */
const BASED = 1 << 3;
/** Began since the dump under way did, which may have missed it. */
const FRESH = 1 << 4;
/** Its opening was counted because a dump found it; the event may still come. */
const INFERRED = 1 << 5;
/** Its end was counted and the row is kept for what is still under way: an event, or a row of the dump. */
const GONE = 1 << 6;

/** Where lives are counted; the group may be -1. */
export interface Ledger {
  opened(group: number): void;
  closed(group: number): void;
  moved(group: number, bytes: number, packets: number): void;
}

/**
 * Follows flows from their first sight to their end, so that each is counted once however it was seen: by its NEW and
 * DESTROY, by dumps between them, or by dumps alone. Events and rows of dumps arrive in any order the kernel can give.
 */
export class Lifetimes {
  /** Whether NEW and DESTROY are listened to; otherwise flows open and close by what two whole dumps differ in. */
  eventsOn = false;
  /** Whether a whole dump has been: what is met from then on has begun since. */
  settled = false;
  /** Live flows known from the first dumps only. */
  older = 0;
  /** Second since the epoch in which the flow of the last call began, or 0. */
  openedAt = 0;
  private readonly memory: FlowMemory;
  private readonly ledger: Ledger;
  private readonly key = { a: 0, b: 0 };
  private dumping = false;
  private met = false;
  private flow = -1;
  /** Events were lost, and no whole dump has been since. */
  private gap = false;
  private gapBeforeDump = false;
  private overflowed = false;
  private overflowedBeforeDump = false;
  private rowsForgotten = 0;
  private lastForgotten = 0;
  private newsForgotten = 0;

  constructor(ledger: Ledger, limit = MAX_FLOWS) {
    this.ledger = ledger;
    this.memory = new FlowMemory(limit);
  }

  get size(): number {
    return this.memory.size;
  }

  /** Flows there was no room for: in the last whole dump, and those that began in this window. */
  get forgotten(): number {
    return this.lastForgotten + this.newsForgotten;
  }

  /** Flows that nobody remembers and a dump finds were opened since the one before. */
  get infers(): boolean {
    return this.settled && (!this.eventsOn || this.gapBeforeDump) && !this.overflowedBeforeDump;
  }

  windowEnds(): void {
    this.newsForgotten = 0;
  }

  listen(eventsOn: boolean): void {
    // Whatever the next dump finds and nobody remembers began while nobody listened.
    if (eventsOn && !this.eventsOn) this.settled = false;
    this.eventsOn = eventsOn;
  }

  lost(): void {
    this.gap = true;
  }

  dumpBegins(): void {
    this.dumping = true;
    this.gapBeforeDump = this.gap;
    this.gap = false;
    this.overflowedBeforeDump = this.overflowed;
    this.overflowed = false;
    this.rowsForgotten = 0;
  }

  /** The row of the flow a dump has found, or -1 where it cannot be remembered. */
  meet(entry: Entry): number {
    fingerprintFlow(entry, this.key);
    const { memory } = this;
    let flow = memory.find(this.key);
    this.met = flow < 0;
    if (flow >= 0) memory.setFlags(flow, memory.flagsOf(flow) | SEEN);
    else {
      flow = memory.insert(this.key);
      if (flow < 0) return this.overflow(flow);
      memory.setFlags(flow, this.settled ? SEEN : SEEN | OLDER | BASED);
      memory.opened[flow] = startOf(entry);
      if (!this.settled) this.older += 1;
    }
    this.openedAt = memory.opened[flow] as number;
    return flow;
  }

  /** Whether the flow of the last {@link meet} was met for the first time. */
  get isNew(): boolean {
    return this.met;
  }

  groupOf(flow: number): number {
    return flow < 0 ? -1 : (this.memory.groups[flow] as number);
  }

  setGroup(flow: number, group: number): void {
    if (flow >= 0) this.memory.groups[flow] = group;
  }

  /** Counts what a flow that was just met has moved since it was last seen. */
  count(flow: number, entry: Entry, group: number): void {
    if (!entry.counted || flow < 0) return;
    const { memory } = this;
    const flags = memory.flagsOf(flow);
    // A row of a dump that was read before the end of its flow, which has been counted with all it moved.
    if (flags & GONE && this.dumping && flags & FRESH) return;
    const [bytes, packets] = [bytesOf(entry), packetsOf(entry)];
    if (this.met && flags & BASED) return memory.rebase(flow, bytes, packets);
    if (entry.id === 0 && bytes < (memory.bytes[flow] ?? 0)) this.reuse(flow, group);
    this.difference(flow, entry, group);
    memory.rebase(flow, bytes, packets);
    if (flags & BASED) memory.setFlags(flow, memory.flagsOf(flow) & ~BASED);
  }

  /** Looks for the flow of an event, which {@link began} or {@link ended} is then told of. @returns its group, or -1 */
  recall(entry: Entry): number {
    fingerprintFlow(entry, this.key);
    this.flow = this.memory.find(this.key);
    return this.groupOf(this.flow);
  }

  /** @returns whether the NEW of the flow last recalled is the first that counts its opening */
  began(entry: Entry, at: number, group: number): boolean {
    const { memory, ledger } = this;
    this.openedAt = startOf(entry) || Math.floor(at / 1000);
    const { flow } = this;
    const flags = flow < 0 ? 0 : memory.flagsOf(flow);
    if (flow >= 0 && flags & INFERRED) {
      memory.setFlags(flow, flags & ~INFERRED);
      if (!memory.opened[flow]) memory.opened[flow] = this.openedAt;
      return false;
    }
    ledger.opened(group);
    if (flow >= 0 && !(flags & (COUNTED | GONE))) {
      this.adopt(flow, flags, group);
      return true;
    }
    // The same tuple and id again: what held them before has ended, and the event of that was lost.
    if (flow >= 0 && !(flags & GONE)) ledger.closed(group);
    if (flags & OLDER) this.older -= 1;
    this.remember(group);
    return true;
  }

  /** Whether the flow last recalled is one whose NEW was among what was lost. Without a loss a dump has missed it. */
  get isMissed(): boolean {
    return this.flow < 0 && this.gap && this.settled && !this.overflowed;
  }

  /** Counts the opening of a missed flow, which a change of its state tells of. @returns true */
  found(entry: Entry, group: number): true {
    this.openedAt = startOf(entry);
    this.ledger.opened(group);
    this.remember(group);
    return true;
  }

  /** Counts the end of the flow last recalled and what it moved since it was last seen. */
  ended(entry: Entry, group: number): void {
    const { memory, ledger, flow: found } = this;
    const flags = found < 0 ? 0 : memory.flagsOf(found);
    this.openedAt = startOf(entry) || (found < 0 ? 0 : (memory.opened[found] as number));
    if (!(flags & GONE)) ledger.closed(group);
    // What a flow moved before anybody watched is not of this window.
    if (entry.counted && (found >= 0 || this.settled)) this.difference(found, entry, group);
    if (flags & OLDER) this.older -= 1;
    if (this.dumping) this.bury(entry, group);
    else if (found >= 0) memory.remove(found);
  }

  /** Settles what the dump says of flows it did not find, if it is whole. */
  dumpEnds(whole: boolean): void {
    const infers = this.infers;
    for (let flow = 0; flow < this.memory.high; flow += 1)
      if (this.memory.has(flow)) this.settle(flow, whole, infers);
    this.memory.fit();
    this.dumping = false;
    if (whole) {
      this.settled = true;
      this.lastForgotten = this.rowsForgotten;
    } else {
      this.gap ||= this.gapBeforeDump;
      this.overflowed ||= this.overflowedBeforeDump;
    }
    this.gapBeforeDump = false;
  }

  moveGroups(map: Int32Array): void {
    this.memory.moveGroups(map);
  }

  private settle(flow: number, whole: boolean, infers: boolean): void {
    const { memory, ledger } = this;
    const flags = memory.flagsOf(flow);
    const kept = flags & ~(SEEN | FRESH);
    if (flags & GONE) return this.settleGone(flow, flags, whole);
    if (!whole || flags & FRESH) return memory.setFlags(flow, kept);
    if (flags & SEEN) {
      const opened = infers && !(flags & (COUNTED | OLDER));
      if (opened) ledger.opened(this.groupOf(flow));
      return memory.setFlags(flow, opened ? kept | COUNTED | INFERRED : kept);
    }
    // Without events, a flow that only a dump cut short had found was never said to be open.
    if (this.eventsOn || flags & (COUNTED | OLDER)) ledger.closed(this.groupOf(flow));
    if (flags & OLDER) this.older -= 1;
    if (this.eventsOn) memory.setFlags(flow, (kept & ~OLDER) | GONE);
    else memory.remove(flow);
  }

  /** A flow whose end was counted stays while the dump that had found it, or the event of its end, may still come. */
  private settleGone(flow: number, flags: number, whole: boolean): void {
    if (flags & FRESH || (whole && !(flags & SEEN))) this.memory.remove(flow);
    else this.memory.setFlags(flow, flags & ~SEEN);
  }

  /** A flow that begins now, in the row that was last recalled or in a new one. */
  private remember(group: number): void {
    const { memory } = this;
    const flow = this.flow >= 0 ? this.flow : memory.insert(this.key);
    if (flow < 0) {
      this.newsForgotten += 1;
      this.overflowed = true;
      return;
    }
    memory.rebase(flow, 0, 0);
    memory.setFlags(flow, this.dumping ? COUNTED | FRESH : COUNTED);
    memory.opened[flow] = this.openedAt;
    memory.groups[flow] = group;
  }

  /** A row for a flow that has ended while a dump is under way, which may have read it before it did. */
  private bury(entry: Entry, group: number): void {
    const { memory } = this;
    const flow = this.flow >= 0 ? this.flow : memory.insert(this.key);
    if (flow < 0) return;
    memory.setFlags(flow, GONE | FRESH);
    memory.groups[flow] = group;
    memory.rebase(flow, bytesOf(entry), packetsOf(entry));
  }

  /** A flow that a dump had found before its NEW was read. */
  private adopt(flow: number, flags: number, group: number): void {
    const { memory } = this;
    if (flags & BASED) this.ledger.moved(group, memory.bytes[flow] ?? 0, memory.packets[flow] ?? 0);
    if (flags & OLDER) this.older -= 1;
    memory.setFlags(flow, (flags & ~(OLDER | BASED)) | COUNTED);
    memory.opened[flow] = this.openedAt;
  }

  /** A source without ids shows a re-used tuple by counters that fell. */
  private reuse(flow: number, group: number): void {
    const flags = this.memory.flagsOf(flow);
    if (flags & (COUNTED | OLDER)) this.ledger.closed(group);
    if (flags & OLDER) this.older -= 1;
    this.memory.setFlags(flow, SEEN);
    this.memory.rebase(flow, 0, 0);
  }

  /** What was counted since the last sight; everything, where counters were set back meanwhile. */
  private difference(flow: number, entry: Entry, group: number): void {
    const [bytes, packets] = [bytesOf(entry), packetsOf(entry)];
    const before = flow < 0 ? 0 : (this.memory.bytes[flow] ?? 0);
    const packetsBefore = flow < 0 ? 0 : (this.memory.packets[flow] ?? 0);
    if (bytes < before) this.ledger.moved(group, bytes, packets);
    else this.ledger.moved(group, bytes - before, ((packets - packetsBefore) % 2 ** 32) >>> 0);
  }

  private overflow(none: number): number {
    this.rowsForgotten += 1;
    this.overflowed = true;
    this.openedAt = 0;
    return none;
  }
}

const startOf = ({ startedAt }: Entry) => (startedAt > 0 ? Math.floor(startedAt / 1000) : 0);
/** Both directions. */
export const bytesOf = ({ counters }: Entry) =>
  (counters[ORIG_BYTES] as number) + (counters[REPLY_BYTES] as number);
export const packetsOf = ({ counters }: Entry) =>
  (counters[ORIG_PACKETS] as number) + (counters[REPLY_PACKETS] as number);
