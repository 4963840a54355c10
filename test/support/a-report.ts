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

/** A report that says something in every part there is. */
export function aWholeReport(): Report {
  const counted = { opened: [5, 2], closed: [4, 1], established: [5, 1], idle: [2, 0], closeWait: [1, 0] };
  const rest = { opened: 0, closed: 0, established: 0, idle: 0, closeWait: 0 };
  const moved = { opened: [5, 1, 1], closed: [4, 0, 1], bytes: [900, 30, 7], packets: [9, 3, 1] };
  const { talkers, talkerRemainder, groups, groupRemainder } = someFlows();
  return aReport({
    completeness: {
      source: "netlink",
      events: "complete",
      blind: [],
      untracked: 0,
      overruns: 0,
      opened: "events",
      older: 1,
      forgotten: 0,
    },
    dump: aDump({ overlay: { "4789": 1 } }),
    flows: someFlows({
      talkers: { ...talkers, ...counted },
      talkerRemainder: { ...talkerRemainder, ...rest },
      groups: { ...groups, ...moved, zone: [0, 7, 0] },
      groupRemainder: { ...groupRemainder, opened: 0, closed: 0, bytes: 0, packets: 0 },
      error: { sources: 0, groups: 0 },
      dialled: { peer: [3], peerPort: [5432], protocol: [6], address: [4], port: [5432] },
    }),
    ages: [{ of: "tcp-established", timeout: 432_000, entries: Array(19).fill(1) }],
    ...someLeases(),
    ports: {
      natAddress: [2],
      peer: [3],
      peerPort: [5432],
      protocol: [6],
      used: [7],
      sources: [1],
      shares: { row: [0], source: [0], used: [7] },
    },
    owners: someOwners(),
    counters: {
      elapsedMs: WINDOW_MS,
      statistics: { found: 3, drop: 1 },
      log: { tableFull: 2, tableFullElsewhere: 0, invalid: [], missed: 0 },
    },
    host: { sysctls: { "net.netfilter.nf_conntrack_max": "1000" }, cores: 2, unread: [] },
    dropped: [{ bootId: "5f3c1d9e", from: 3, to: 4, reason: "age" }],
    self: { cpuMs: 40, rssBytes: 60_000_000, waiting: 0 },
  });
}

/** Two leases of one source and one of another, and a keyframe of one. */
export function someLeases() {
  const holder = { natAddress: [2], peer: [3], peerPort: [5432], protocol: [6] };
  return {
    leases: {
      source: [0, 1],
      natAddress: [2, 2],
      peer: [3, 4],
      peerPort: [5432, 53],
      protocol: [6, 17],
      zone: [0, 7],
      leases: [2, 1],
      natPort: [1024, 1, 60_000],
      sourcePort: [0, 40_000, -1],
      opened: [0, null, -86_400],
      closed: [null, 29, 30],
      omitted: 0,
    },
    keyframe: {
      takenAt: NOW,
      part: 0,
      parts: 1,
      fromPort: 1024,
      toPort: 65_535,
      ...holder,
      source: [0],
      leases: [1],
      natPort: [1024],
      sourcePort: [0],
      opened: [0],
      omitted: 0,
    },
  } satisfies Partial<Report>;
}

/** A Pod, and one whose begin nobody saw. */
export function someOwners(): NonNullable<Report["owners"]> {
  return {
    source: "kubernetes",
    complete: true,
    address: ["10.244.0.11", "10.244.0.12"],
    kind: ["pod", "pod"],
    namespace: ["shop", null],
    name: ["web-7d4b-x", "db-0"],
    uid: ["u-1", null],
    workloadKind: ["Deployment", null],
    workload: ["web", null],
    since: [NOW - 5_000, null],
    until: [null, NOW],
  };
}
