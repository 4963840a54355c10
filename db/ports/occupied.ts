import { isRecord } from "../facts/words.ts";

/** NAT ports towards one peer that a dump of a node found in use: those of one NAT address, protocol and zone. */
export type Occupied = {
  natAddress: string;
  protocol: number;
  peer: string;
  peerPort: number;
  /** Conntrack zone of the reply direction. */
  zone: number;
  used: number;
  /** How many sources hold them. */
  sources: number;
  /** The largest of these; the rest of `used` is of the others. */
  shares: { source: string; used: number }[];
};

/**
 * Ports that the kernel gives to flows of one tuple but for the port (nf_nat_l4proto_unique_tuple): 1024 to 65535 for sources that use
 * one of these themselves, as all do that are given theirs by the kernel. Sources below have 1 to 511, or 600 to 1023.
 */
export const NAT_PORTS = 64_512;
/** The same of ICMP: all ids of 16 bits. */
export const ICMP_IDS = 65_536;
const ICMP = 1;
const ICMPV6 = 58;

/** How many ports, or ids, there are in all for what shares a NAT address, a protocol, a peer, its port and a zone. */
export const availableOf = (protocol: number): number =>
  protocol === ICMP || protocol === ICMPV6 ? ICMP_IDS : NAT_PORTS;

/** Reads `ports` of a report (Ports of api/wire/leases.ts); undefined where it is none. Rows that are none are passed over. */
export function readOccupied(ports: unknown, addresses: readonly string[]): Occupied[] | undefined {
  if (!isRecord(ports) || !Array.isArray(ports["used"])) return undefined;
  const shares = sharesOf(ports["shares"], addresses);
  return ports["used"].flatMap((_, row) => {
    const tuple = tupleAt(ports, row, addresses);
    const used = cell(ports, "used", row);
    if (!tuple || used === undefined) return [];
    const held = shares.get(row) ?? [];
    return [{ ...tuple, used, sources: cell(ports, "sources", row) ?? held.length, shares: held }];
  });
}

function tupleAt(ports: Record<string, unknown>, row: number, addresses: readonly string[]) {
  const natAddress = addresses[cell(ports, "natAddress", row) ?? -1];
  const peer = addresses[cell(ports, "peer", row) ?? -1];
  const [peerPort, protocol] = [cell(ports, "peerPort", row), cell(ports, "protocol", row)];
  if (natAddress === undefined || peer === undefined) return undefined;
  if (peerPort === undefined || protocol === undefined) return undefined;
  return { natAddress, protocol, peer, peerPort, zone: cell(ports, "zone", row) ?? 0 };
}

/** By row, the largest first. */
function sharesOf(shares: unknown, addresses: readonly string[]): Map<number, Occupied["shares"]> {
  const found = new Map<number, Occupied["shares"]>();
  if (!isRecord(shares) || !Array.isArray(shares["row"])) return found;
  for (let at = 0; at < shares["row"].length; at++) {
    const [row, used] = [cell(shares, "row", at), cell(shares, "used", at)];
    const source = addresses[cell(shares, "source", at) ?? -1];
    if (row === undefined || used === undefined || source === undefined) continue;
    found.set(row, [...(found.get(row) ?? []), { source, used }]);
  }
  for (const held of found.values()) held.sort((a, b) => b.used - a.used);
  return found;
}

function cell(columns: Record<string, unknown>, name: string, row: number): number | undefined {
  const column = columns[name];
  const value: unknown = Array.isArray(column) ? column[row] : undefined;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
