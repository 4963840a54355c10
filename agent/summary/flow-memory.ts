import type { Fingerprint } from "./fingerprint.ts";
import { SPARE_FACTOR } from "./tally.ts";

/** Flows remembered at most: as many entries as the agent is made for; 25 bytes each, 37 where flows are counted. */
export const MAX_FLOWS = 1_048_576;
const FIRST_FLOWS = 1024;
const SLOTS_PER_FLOW = 2;
/** Set in the flags of a place that is taken. */
const TAKEN = 0x80;

/**
 * One row a live flow, found by a fingerprint of 64 bits. Open addressing over dense columns; a row keeps its place until
 * it is removed, or until {@link fit} moves all.
 */
export class FlowMemory {
  size = 0;
  /** Places that were ever taken since the last {@link fit}; some may be free again. */
  high = 0;
  private readonly limit: number;
  private capacity = FIRST_FLOWS;
  private firstFree = -1;
  private slots = new Int32Array(SLOTS_PER_FLOW * FIRST_FLOWS);
  private keys = new Int32Array(2 * FIRST_FLOWS);
  private flags = new Uint8Array(FIRST_FLOWS);
  /** Group of each flow; of a free place, the next free one. */
  groups = new Int32Array(FIRST_FLOWS);
  /** Second since the epoch in which it began, or 0. */
  opened = new Uint32Array(FIRST_FLOWS);
  /** Counters at last sight, both directions; packets modulo 2^32. Only there once a flow carried counters. */
  bytes = new Float64Array(0);
  packets = new Uint32Array(0);

  constructor(limit = MAX_FLOWS) {
    this.limit = limit;
  }

  find({ a, b }: Fingerprint): number {
    const { slots, keys } = this;
    const mask = slots.length - 1;
    let slot = a & mask;
    for (;;) {
      const flow = (slots[slot] as number) - 1;
      if (flow < 0 || (keys[2 * flow] === a && keys[2 * flow + 1] === b)) return flow;
      slot = (slot + 1) & mask;
    }
  }

  /** A row for a key that is not there, or -1 where there is no room. */
  insert({ a, b }: Fingerprint): number {
    if (this.size >= this.limit) return -1;
    if (this.size >= this.capacity) this.resize(Math.min(2 * this.capacity, this.limit));
    const flow = this.firstFree >= 0 ? this.firstFree : this.high;
    if (flow === this.high) this.high += 1;
    else this.firstFree = this.groups[flow] as number;
    this.keys[2 * flow] = a;
    this.keys[2 * flow + 1] = b;
    this.place(flow);
    this.size += 1;
    this.flags[flow] = TAKEN;
    this.groups[flow] = -1;
    this.opened[flow] = 0;
    this.rebase(flow, 0, 0);
    return flow;
  }

  remove(flow: number): void {
    this.unplace(flow);
    this.flags[flow] = 0;
    this.groups[flow] = this.firstFree;
    this.firstFree = flow;
    this.size -= 1;
  }

  has(flow: number): boolean {
    return this.flags[flow] !== 0;
  }

  flagsOf(flow: number): number {
    return (this.flags[flow] as number) & ~TAKEN;
  }

  setFlags(flow: number, flags: number): void {
    this.flags[flow] = flags | TAKEN;
  }

  /** Sets the counters further ones are compared with. */
  rebase(flow: number, bytes: number, packets: number): void {
    if (flow >= this.bytes.length) {
      if (bytes === 0 && packets === 0) return;
      this.bytes = resized(this.bytes, new Float64Array(this.capacity));
      this.packets = resized(this.packets, new Uint32Array(this.capacity));
    }
    this.bytes[flow] = bytes;
    this.packets[flow] = packets;
  }

  moveGroups(map: Int32Array): void {
    for (let flow = 0; flow < this.high; flow += 1) {
      const group = this.groups[flow] as number;
      if (group >= 0 && this.flags[flow]) this.groups[flow] = map[group] as number;
    }
  }

  /** Gives back what a spike took, once most of it is free. Rows get other places. */
  fit(): void {
    if (this.capacity <= FIRST_FLOWS || this.capacity <= SPARE_FACTOR * this.size) return;
    const counted = this.bytes.length > 0;
    let to = 0;
    for (let from = 0; from < this.high; from += 1) {
      if (!this.flags[from]) continue;
      this.keys[2 * to] = this.keys[2 * from] as number;
      this.keys[2 * to + 1] = this.keys[2 * from + 1] as number;
      this.flags[to] = this.flags[from] as number;
      this.groups[to] = this.groups[from] as number;
      this.opened[to] = this.opened[from] as number;
      if (counted) {
        this.bytes[to] = this.bytes[from] as number;
        this.packets[to] = this.packets[from] as number;
      }
      to += 1;
    }
    this.high = to;
    this.firstFree = -1;
    this.resize(Math.max(FIRST_FLOWS, 2 ** Math.ceil(Math.log2(2 * to))));
  }

  /** One column after the other, so that of what is left behind only one is there at a time. */
  private resize(capacity: number): void {
    this.capacity = capacity;
    this.keys = resized(this.keys, new Int32Array(2 * capacity));
    this.flags = resized(this.flags, new Uint8Array(capacity));
    this.groups = resized(this.groups, new Int32Array(capacity));
    this.opened = resized(this.opened, new Uint32Array(capacity));
    if (this.bytes.length > 0) {
      this.bytes = resized(this.bytes, new Float64Array(capacity));
      this.packets = resized(this.packets, new Uint32Array(capacity));
    }
    this.slots = new Int32Array(SLOTS_PER_FLOW * 2 ** Math.ceil(Math.log2(capacity)));
    for (let flow = 0; flow < this.high; flow += 1) if (this.flags[flow]) this.place(flow);
  }

  private place(flow: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = (this.keys[2 * flow] as number) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = flow + 1;
  }

  /** Empties the slot and shifts back those behind it that would not be found across the hole. */
  private unplace(flow: number): void {
    const { slots, keys } = this;
    const mask = slots.length - 1;
    let hole = (keys[2 * flow] as number) & mask;
    while (slots[hole] !== flow + 1) hole = (hole + 1) & mask;
    let slot = hole;
    for (;;) {
      slot = (slot + 1) & mask;
      const other = (slots[slot] as number) - 1;
      if (other < 0) break;
      const home = (keys[2 * other] as number) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = other + 1;
      hole = slot;
    }
    slots[hole] = 0;
  }
}

function resized<Column extends Int32Array | Uint32Array | Uint8Array | Float64Array>(
  from: Column,
  to: Column,
): Column {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from);
  return to;
}
