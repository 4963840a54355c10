import type { Report } from "../../api/wire.ts";

/** A report of a node with one flow, as the agent makes it. */
export function aQuietReport(differing: Partial<Report> = {}): Report {
  return {
    node: {
      name: "node-1",
      bootId: "3b5e9a52-4d42-4f43-9f4e-3f3f5a1f0001",
      agent: "0.1.0",
      kernel: "6.18.0",
      addresses: ["192.168.50.10"],
    },
    sequence: 1,
    window: { from: 1_795_262_400_000, to: 1_795_262_430_000 },
    completeness: { source: "netlink", events: "off", blind: [] },
    table: { count: 1, max: 262_144, buckets: 65_536 },
    dump: {
      takenAt: 1_795_262_430_000,
      durationMs: 2,
      entries: 1,
      byFamily: { ipv4: 1, ipv6: 0 },
      byProtocol: { "6": 1 },
      byTcpState: { ESTABLISHED: 1 },
      byNat: { none: 0, snat: 1, dnat: 0, both: 0 },
      unreplied: 0,
      assured: 1,
      offloaded: 0,
      zones: [],
    },
    flows: {
      addresses: ["10.244.0.11", "192.168.50.10", "192.168.50.20"],
      talkers: { source: [0], entries: [1], snatEntries: [1], unreplied: [0], peers: [1] },
      talkerRemainder: { sources: 0, entries: 0, snatEntries: 0, unreplied: 0 },
      groups: {
        source: [0],
        peer: [2],
        peerPort: [5432],
        protocol: [6],
        nat: ["snat"],
        natAddress: [1],
        entries: [1],
        unreplied: [0],
      },
      groupRemainder: { groups: 0, entries: 0, unreplied: 0 },
    },
    ...differing,
  };
}
