import type { TableDump } from "../../api/wire.ts";
import { ASSURED, type Entry, HW_OFFLOAD, OFFLOAD, SEEN_REPLY } from "../conntrack/entry.ts";
import { NAT_CLASSES } from "../conntrack/nat.ts";
import { TCP, UDP } from "../conntrack/protocols.ts";
import { TCP_STATE_NAMES } from "../conntrack/states.ts";

/** The wire takes no more; more zones in one namespace is not a use we know. */
export const MAX_LISTED_ZONES = 1024;

/** UDP ports of VXLAN (RFC 7348, and Linux's own) and Geneve (RFC 8926). */
const OVERLAY_PORTS = [4789, 8472, 6081];

/** What the table is made of: counts of entries by family, protocol, TCP state, NAT class and status. */
export class Composition {
  private entries = 0;
  private ipv6 = 0;
  private unreplied = 0;
  private assured = 0;
  private offloaded = 0;
  private readonly protocols = new Float64Array(256);
  private readonly tcpStates = new Float64Array(TCP_STATE_NAMES.length);
  private readonly nat = new Float64Array(NAT_CLASSES.length);
  private readonly zones = new Set<number>();
  private readonly overlay = OVERLAY_PORTS.map(() => 0);

  add(entry: Entry, nat: number): void {
    const { status, state, protocol } = entry;
    this.entries += 1;
    if (entry.family === 6) this.ipv6 += 1;
    if (!(status & SEEN_REPLY)) this.unreplied += 1;
    if (status & ASSURED) this.assured += 1;
    if (status & (OFFLOAD | HW_OFFLOAD)) this.offloaded += 1;
    increment(this.protocols, protocol);
    if (protocol === TCP && state >= 0) increment(this.tcpStates, state);
    increment(this.nat, nat);
    if (protocol === UDP) this.addOverlay(entry.origDport);
    if (entry.zone | entry.zoneOrig | entry.zoneReply) this.addZones(entry);
  }

  private addOverlay(port: number): void {
    const at = OVERLAY_PORTS.indexOf(port);
    if (at >= 0) this.overlay[at] = (this.overlay[at] ?? 0) + 1;
  }

  counts(): Omit<TableDump, "takenAt" | "durationMs"> {
    return {
      entries: this.entries,
      byFamily: { ipv4: this.entries - this.ipv6, ipv6: this.ipv6 },
      byProtocol: Object.fromEntries(nonZero([...this.protocols.keys()], this.protocols)),
      byTcpState: Object.fromEntries(nonZero(TCP_STATE_NAMES, this.tcpStates)),
      byNat: Object.fromEntries(
        NAT_CLASSES.map((name, code) => [name, this.nat[code] ?? 0]),
      ) as TableDump["byNat"],
      unreplied: this.unreplied,
      assured: this.assured,
      offloaded: this.offloaded,
      zones: [...this.zones]
        .filter((zone) => zone > 0)
        .toSorted((a, b) => a - b)
        .slice(0, MAX_LISTED_ZONES),
      ...(this.overlay.some((entries) => entries > 0) && {
        overlay: Object.fromEntries(nonZero(OVERLAY_PORTS, this.overlay)),
      }),
    };
  }

  private addZones({ zone, zoneOrig, zoneReply }: Entry): void {
    this.zones.add(zone).add(zoneOrig).add(zoneReply);
  }
}

function increment(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

function nonZero<Name>(names: readonly Name[], counts: ArrayLike<number>): [Name, number][] {
  return names
    .map((name, index): [Name, number] => [name, counts[index] ?? 0])
    .filter(([, count]) => count > 0);
}
