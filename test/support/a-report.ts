import type { Report } from "../../api/wire.ts";

/** The instant tests of the API take for now: 2026-11-21T12:00:00Z. */
export const NOW = Date.UTC(2026, 10, 21, 12);
const WINDOW_MS = 30_000;

/** A report of two sources, one of them behind SNAT, with three flow groups and nothing left over. */
export function aReport(differing: Partial<Report> = {}): Report {
  return {
    node: {
      name: "node-1",
      bootId: "5f3c1d9e-0c2b-4f7e-9a59-1d2b8f6f0001",
      agent: "0.1.0",
      kernel: "6.18.0",
      addresses: ["192.168.50.10"],
    },
    sequence: 1,
    window: { from: NOW - WINDOW_MS, to: NOW },
    completeness: { source: "netlink", events: "off", blind: [] },
    table: { count: 11, max: 1000, buckets: 256 },
    dump: aDump(),
    flows: someFlows(),
    ...differing,
  };
}

/** Ten entries: eight of TCP and two of UDP, seven of them SNATed. */
export function aDump(differing: Partial<NonNullable<Report["dump"]>> = {}): NonNullable<Report["dump"]> {
  return {
    takenAt: NOW,
    durationMs: 3,
    entries: 10,
    byFamily: { ipv4: 10, ipv6: 0 },
    byProtocol: { "6": 8, "17": 2 },
    byTcpState: { ESTABLISHED: 6, SYN_SENT: 2 },
    byNat: { none: 3, snat: 7, dnat: 0, both: 0 },
    unreplied: 2,
    assured: 6,
    offloaded: 0,
    zones: [],
    ...differing,
  };
}

/** A dump of that many entries, all plain TCP over IPv4. */
export function aDumpOf(entries: number): NonNullable<Report["dump"]> {
  return aDump({
    entries,
    byFamily: { ipv4: entries, ipv6: 0 },
    byProtocol: { "6": entries },
    byNat: { none: entries, snat: 0, dnat: 0, both: 0 },
  });
}

/** 10.244.0.11 holds seven entries behind SNAT, 10.244.0.12 three without. */
export function someFlows(
  differing: Partial<NonNullable<Report["flows"]>> = {},
): NonNullable<Report["flows"]> {
  return {
    addresses: ["10.244.0.11", "10.244.0.12", "192.168.50.10", "192.168.50.20", "10.96.0.10"],
    talkers: {
      source: [0, 1],
      entries: [7, 3],
      snatEntries: [7, 0],
      unreplied: [2, 0],
      peers: [1, 2],
    },
    talkerRemainder: { sources: 0, entries: 0, snatEntries: 0, unreplied: 0 },
    groups: {
      source: [0, 1, 1],
      peer: [3, 3, 4],
      peerPort: [5432, 443, 53],
      protocol: [6, 6, 17],
      nat: ["snat", "none", "none"],
      natAddress: [2, null, null],
      entries: [7, 1, 2],
      unreplied: [2, 0, 0],
    },
    groupRemainder: { groups: 0, entries: 0, unreplied: 0 },
    ...differing,
  };
}
