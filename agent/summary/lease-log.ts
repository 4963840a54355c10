import { type LeaseRows, markGroups, moveGroups } from "./lease-rows.ts";

/** Rows of one window at most: 1,000 new SNAT flows a second for half a minute, and as many that ended. */
export const MAX_CHANGES = 60_000;
const FIRST_ROWS = 256;
const SLOTS_PER_ROW = 2;

/** The leases that began or ended in the window, one row each, in the order in which they did. */
export class LeaseLog implements LeaseRows {
  size = 0;
  /** Beginnings and ends there was no room for. */
  omitted = 0;
  groups = new Int32Array(FIRST_ROWS);
  ports = new Uint32Array(FIRST_ROWS);
  opened = new Uint32Array(FIRST_ROWS);
  closed = new Uint32Array(FIRST_ROWS);
  /** Finds the latest row of a group and NAT port. */
  private slots = new Int32Array(SLOTS_PER_ROW * FIRST_ROWS);
  private readonly limit: number;

  constructor(limit = MAX_CHANGES) {
    this.limit = limit;
  }

  /** @param second of the beginning, or 0 */
  open(group: number, ports: number, second: number): void {
    const row = this.find(group, ports);
    if (row >= 0 && this.closed[row] === 0) this.opened[row] = second;
    else this.append(group, ports, second, 0);
  }

  /** @param seconds of the beginning, or 0, and of the end */
  close(group: number, ports: number, [opened, closed]: readonly [number, number]): void {
    const row = this.find(group, ports);
    if (row >= 0 && this.closed[row] === 0) this.closed[row] = closed;
    else this.append(group, ports, opened, closed);
  }

  /** Begins the next window; after a spike most of the memory is given back. */
  clear(): void {
    const spare = this.groups.length > FIRST_ROWS && this.size < this.groups.length / 8;
    if (spare) this.resize(FIRST_ROWS, 0);
    this.slots.fill(0);
    this.size = 0;
    this.omitted = 0;
  }

  markGroups(used: Uint8Array): void {
    markGroups(this, used);
  }

  moveGroups(map: Int32Array): void {
    moveGroups(this, map);
    this.place();
  }

  private append(group: number, ports: number, opened: number, closed: number): void {
    if (group < 0 || this.size >= this.limit) {
      this.omitted += 1;
      return;
    }
    if (this.size >= this.groups.length) this.resize(2 * this.size, this.size);
    const row = this.size;
    this.size += 1;
    this.groups[row] = group;
    this.ports[row] = ports;
    this.opened[row] = opened;
    this.closed[row] = closed;
    this.slots[this.slotOf(group, ports)] = row + 1;
  }

  private find(group: number, ports: number): number {
    return (this.slots[this.slotOf(group, ports)] as number) - 1;
  }

  /** The slot of the group and NAT port, or the first empty one on the way to it. */
  private slotOf(group: number, ports: number): number {
    const mask = this.slots.length - 1;
    const hash = Math.imul(group ^ Math.imul(ports >>> 16, 0x9e3779b1), 0x85ebca6b);
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const row = (this.slots[slot] as number) - 1;
      if (row < 0) return slot;
      if (this.groups[row] === group && ((this.ports[row] as number) ^ ports) >>> 16 === 0) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private resize(rows: number, size: number): void {
    const sized = <Column extends Int32Array | Uint32Array>(from: Column, to: Column) => {
      to.set(from.subarray(0, size));
      return to;
    };
    this.groups = sized(this.groups, new Int32Array(rows));
    this.ports = sized(this.ports, new Uint32Array(rows));
    this.opened = sized(this.opened, new Uint32Array(rows));
    this.closed = sized(this.closed, new Uint32Array(rows));
    this.slots = new Int32Array(SLOTS_PER_ROW * rows);
    this.size = size;
    this.place();
  }

  private place(): void {
    this.slots.fill(0);
    for (let row = 0; row < this.size; row += 1)
      this.slots[this.slotOf(this.groups[row] as number, this.ports[row] as number)] = row + 1;
  }
}
