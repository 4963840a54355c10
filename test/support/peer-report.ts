import { aDumpOf, aReport } from "./a-report.ts";
import { ownersOf } from "./owner-words.ts";
import type { Service } from "./service.ts";

export const DATABASE = "203.0.113.9";
export const NODE_1 = "192.168.50.10";
export const NODE_2 = "192.168.50.11";

export interface Row {
  source: string;
  peer?: string;
  peerPort?: number;
  protocol?: number;
  natAddress?: string;
  entries: number;
  opened: number;
  bytes?: number;
}

/** A report of 30 s with these flow groups, of ten entries at least, and of who holds the sources. */
export function reportOf(rows: readonly Row[], owners: Parameters<typeof ownersOf>[0], node = "node-1") {
  const sources = [...new Set(rows.map(({ source }) => source))];
  const of = (source: string) => rows.filter((row) => row.source === source);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const addresses = [
    ...new Set(
      rows.flatMap(({ source, peer = DATABASE, natAddress }) => [source, peer, natAddress ?? source]),
    ),
  ];
  const at = (address: string) => addresses.indexOf(address);
  const none = rows.map(() => 0);
  const base = aReport({ dump: aDumpOf(sum(rows.map(({ entries }) => entries))) });
  return {
    ...base,
    node: { ...base.node, name: node },
    owners: ownersOf(owners, true),
    flows: {
      addresses,
      talkers: {
        source: sources.map(at),
        entries: sources.map((source) => sum(of(source).map(({ entries }) => entries))),
        snatEntries: sources.map(() => 0),
        unreplied: sources.map(() => 0),
        peers: sources.map((source) => of(source).length),
        opened: sources.map((source) => sum(of(source).map(({ opened }) => opened))),
        closed: sources.map(() => 0),
      },
      talkerRemainder: { sources: 0, entries: 0, snatEntries: 0, unreplied: 0, opened: 0, closed: 0 },
      groups: {
        source: rows.map(({ source }) => at(source)),
        peer: rows.map(({ peer = DATABASE }) => at(peer)),
        peerPort: rows.map(({ peerPort = 3306 }) => peerPort),
        protocol: rows.map(({ protocol = 6 }) => protocol),
        nat: rows.map(({ natAddress }) => (natAddress ? ("snat" as const) : ("none" as const))),
        natAddress: rows.map(({ natAddress }) => (natAddress ? at(natAddress) : null)),
        entries: rows.map(({ entries }) => entries),
        unreplied: none,
        opened: rows.map(({ opened }) => opened),
        closed: none,
        bytes: rows.map(({ bytes = 0 }) => bytes),
        packets: none,
      },
      groupRemainder: { groups: 0, entries: 0, unreplied: 0, opened: 0, closed: 0, bytes: 0, packets: 0 },
    },
  };
}

export const WEB = { address: "10.244.1.5", name: "web-1", workload: "web", workloadKind: "Deployment" };
export const API = { address: "10.244.2.5", name: "api-1", workload: "api", workloadKind: "Deployment" };
export const JOB = { address: "10.244.2.6", name: "job-1", namespace: "batch" };

export async function post(service: Service, cluster: string, ...reports: unknown[]) {
  const token = await service.token("ingest", cluster);
  for (const report of reports) {
    const { status, text } = await service.post(token, report);
    if (status !== 202) throw new Error(text);
  }
}
