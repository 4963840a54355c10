import type { Entry } from "../conntrack/entry.ts";
import { ORIG_DST } from "../conntrack/entry.ts";
import { hasPorts } from "../conntrack/protocols.ts";
import { KeyTable } from "./key-table.ts";

/** As many as the wire takes: a cluster's usual Services several times over. */
export const MAX_DIALLED_ROWS = 1024;

/** Through which addresses peers were reached since the last dump began (destination NAT, such as Services). */
export class Dialled {
  private readonly rows = new KeyTable(MAX_DIALLED_ROWS);
  /** What the last flow of each group dialled: nearly always the same, so that most entries cost one comparison. */
  private last = new Uint32Array(0);

  get size(): number {
    return this.rows.size;
  }

  /** Whether this flow dialled what the last one of its group did. */
  knows({ addresses, origDport, replySport }: Entry, group: number): boolean {
    const dialled =
      Math.imul((addresses[ORIG_DST] as number) ^ ((addresses[ORIG_DST + 3] as number) * 3), 0x9e3779b1) ^
      ((origDport << 16) | replySport);
    if (group >= this.last.length) {
      const last = new Uint32Array(Math.max(1024, 2 * group));
      last.set(this.last);
      this.last = last;
    }
    if (this.last[group] === dialled >>> 0) return true;
    this.last[group] = dialled;
    return false;
  }

  add(entry: Entry, peer: number, address: number): void {
    const ported = hasPorts(entry.protocol);
    const ports = ported ? (entry.replySport << 16) | entry.origDport : 0;
    this.rows.index(peer, address, ports, entry.protocol);
  }

  row(index: number) {
    const ports = this.rows.word(index, 2);
    return {
      peer: this.rows.word(index, 0),
      address: this.rows.word(index, 1),
      peerPort: ports >>> 16,
      port: ports & 0xffff,
      protocol: this.rows.word(index, 3),
    };
  }

  clear(): void {
    this.rows.clear();
    this.last = new Uint32Array(0);
  }

  markAddresses(used: Uint8Array): void {
    for (let index = 0; index < this.size; index += 1) {
      used[this.rows.word(index, 0)] = 1;
      used[this.rows.word(index, 1)] = 1;
    }
  }

  moveAddresses(map: Int32Array): void {
    this.last = new Uint32Array(0);
    this.rows.compact(new Uint8Array(this.size).fill(1), (words, at) => {
      words[at] = map[words[at] as number] as number;
      words[at + 1] = map[words[at + 1] as number] as number;
    });
  }
}
