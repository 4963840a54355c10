import { type LeaseRows, markGroups, moveGroups } from "./lease-rows.ts";

/** Leases of one part, which is what a report of a busy node can carry beside its flows. */
export const MAX_PART = 16_384;
/** Parts are planned smaller, for the ports' use changes until the last of them is sent. */
const PLANNED = MAX_PART - MAX_PART / 8;
/** Leases held between dumps, eight parts of them: 1.5 MB, while a million would be 12. */
const MAX_HELD = 131_072;
const FIRST_HELD = 1024;
const PORTS = 65_536;
const LAST_PORT = PORTS - 1;

export interface KeyframePart {
  takenAt: number;
  part: number;
  parts: number;
  fromPort: number;
  toPort: number;
  rows: LeaseRows;
  omitted: number;
}

/**
 * All leases in force, in parts by range of NAT ports. The first dump counts the leases of each port, which gives the plan,
 * and holds as many of the lowest ports as there is room for; when these parts are sent, the next dump brings the
 * following ones. So each part is as fresh as its dump, and a table of any size costs the same memory.
 */
export class Keyframe {
  private due = false;
  private collecting = false;
  private plan: number[] = [];
  private parts = 0;
  /** The last port that was sent. */
  private sent = LAST_PORT;
  private takenAt = 0;
  /** Leases of each port in the dump that is held. */
  private perPort = new Uint32Array(0);
  private from = 0;
  private top = -1;
  size = 0;
  groups = new Int32Array(0);
  private ports = new Uint32Array(0);
  private opened = new Uint32Array(0);

  /** Asks for a keyframe, from the next dump on. While one is under way it goes on. */
  request(): void {
    this.due = true;
  }

  dumpBegins(takenAt: number): void {
    const planned = this.plan.length > 0;
    this.collecting = planned ? this.size === 0 : this.due;
    if (!this.collecting) return;
    this.takenAt = takenAt;
    this.from = planned ? this.nextPort : 0;
    this.top = LAST_PORT;
    this.perPort = new Uint32Array(PORTS);
  }

  add(group: number, ports: number, opened: number): void {
    if (!this.collecting) return;
    const port = ports >>> 16;
    increment(this.perPort, port);
    if (port < this.from || port > this.top) return;
    if (this.size >= this.groups.length && !this.makeRoom()) return;
    if (port > this.top) return;
    this.groups[this.size] = group;
    this.ports[this.size] = ports;
    this.opened[this.size] = opened;
    this.size += 1;
  }

  dumpEnds(whole: boolean): void {
    if (!this.collecting) return;
    this.collecting = false;
    if (!whole) {
      this.release();
      return;
    }
    if (this.plan.length > 0) return;
    this.plan = planOf(this.perPort);
    this.parts = this.plan.length;
    this.due = false;
  }

  /** The next part, if a dump has brought it. */
  next(): KeyframePart | undefined {
    const [toPort] = this.plan;
    if (toPort === undefined || this.collecting || this.top < 0) return undefined;
    // A range that outgrew its plan is sent with what there was room for.
    const ready = toPort <= this.top || this.nextPort === this.from;
    if (!ready) {
      this.release();
      return undefined;
    }
    const part = this.partOf(this.nextPort, toPort);
    this.plan.shift();
    if (this.plan.length === 0 || (this.plan[0] as number) > this.top) this.release();
    return part;
  }

  markGroups(used: Uint8Array): void {
    markGroups(this, used);
  }

  moveGroups(map: Int32Array): void {
    moveGroups(this, map);
  }

  /** The first port that no part sent so far has. */
  private get nextPort(): number {
    return this.parts === this.plan.length ? 0 : this.sent + 1;
  }

  private partOf(fromPort: number, toPort: number): KeyframePart {
    let leases = 0;
    for (let port = fromPort; port <= toPort; port += 1) leases += this.perPort[port] as number;
    const rows = this.rowsOf(fromPort, toPort, Math.min(leases, MAX_PART));
    const part = this.parts - this.plan.length;
    this.sent = toPort;
    return {
      takenAt: this.takenAt,
      part,
      parts: this.parts,
      fromPort,
      toPort,
      omitted: leases - rows.size,
      rows,
    };
  }

  /** The first of the leases held within these ports, as far as there is room. */
  private rowsOf(fromPort: number, toPort: number, room: number): LeaseRows {
    const groups = new Int32Array(room);
    const ports = new Uint32Array(room);
    const opened = new Uint32Array(room);
    let size = 0;
    for (let row = 0; row < this.size && size < room; row += 1) {
      const port = (this.ports[row] as number) >>> 16;
      if (port < fromPort || port > toPort) continue;
      groups[size] = this.groups[row] as number;
      ports[size] = this.ports[row] as number;
      opened[size] = this.opened[row] as number;
      size += 1;
    }
    return { size, groups, ports, opened };
  }

  /** More memory while there may be; then the highest ports go, which a later dump brings again. */
  private makeRoom(): boolean {
    if (this.groups.length < MAX_HELD) {
      const length = Math.max(FIRST_HELD, 2 * this.groups.length);
      const grown = <Column extends Int32Array | Uint32Array>(from: Column, to: Column) => {
        to.set(from);
        return to;
      };
      this.groups = grown(this.groups, new Int32Array(length));
      this.ports = grown(this.ports, new Uint32Array(length));
      this.opened = grown(this.opened, new Uint32Array(length));
      return true;
    }
    if (this.top === this.from) return false;
    this.lowerTop();
    return this.size < MAX_HELD;
  }

  private lowerTop(): void {
    const held = new Uint32Array(PORTS);
    for (let row = 0; row < this.size; row += 1) increment(held, (this.ports[row] as number) >>> 16);
    let top = this.from;
    let kept = held[top] as number;
    while (top < this.top && kept + (held[top + 1] as number) <= MAX_HELD / 2) {
      top += 1;
      kept += held[top] as number;
    }
    this.top = top;
    let to = 0;
    for (let row = 0; row < this.size; row += 1) {
      if ((this.ports[row] as number) >>> 16 > top) continue;
      this.groups[to] = this.groups[row] as number;
      this.ports[to] = this.ports[row] as number;
      this.opened[to] = this.opened[row] as number;
      to += 1;
    }
    this.size = to;
  }

  private release(): void {
    this.size = 0;
    this.top = -1;
    this.perPort = new Uint32Array(0);
    this.groups = new Int32Array(0);
    this.ports = new Uint32Array(0);
    this.opened = new Uint32Array(0);
  }
}

function increment(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] as number) + 1;
}

/** The last port of each part: as few parts as have at most so many leases each, and always one. */
function planOf(perPort: Uint32Array): number[] {
  const plan: number[] = [];
  let leases = 0;
  for (let port = 0; port < PORTS; port += 1) {
    const own = perPort[port] as number;
    if (leases > 0 && leases + own > PLANNED) {
      plan.push(port - 1);
      leases = 0;
    }
    leases += own;
  }
  return [...plan, LAST_PORT];
}
