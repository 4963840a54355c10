import type { Db } from "../../db/client.ts";
import { insertCluster } from "../../db/queries/clusters.ts";
import type { DumpGauges, StoredReport } from "../../db/queries/reports.ts";
import { encodeSegment } from "../../db/segment.ts";
import type { NatClass, Segment } from "../../db/segment.ts";

/** 2025-11-21T04:40:00Z: where the windows of these builders begin. */
export const START = 1_763_700_000_000;
export const WINDOW_MS = 30_000;

export async function aCluster(db: Db, name = "prod"): Promise<number> {
  const cluster = await insertCluster(db, { name, createdAt: START });
  if (!cluster) throw new Error(`cluster ${name} exists`);
  return cluster.id;
}

type Some = Partial<Omit<StoredReport, "node" | "completeness">> & {
  node?: Partial<StoredReport["node"]>;
  completeness?: Partial<StoredReport["completeness"]>;
};

/** A report of the window that its sequence names: number 0 begins at START. */
export function aStoredReport({ node, completeness, ...rest }: Some = {}): StoredReport {
  const sequence = rest.sequence ?? 0;
  const from = rest.from ?? START + sequence * WINDOW_MS;
  return {
    clusterId: 1,
    sequence,
    from,
    to: from + WINDOW_MS,
    receivedAt: from + WINDOW_MS + 1_000,
    node: {
      name: "node-1",
      bootId: "b0071d00-0000-4000-8000-000000000001",
      agent: "0.1.0",
      kernel: "6.18.1",
      addresses: ["192.168.0.23"],
      ...node,
    },
    completeness: { source: "netlink", events: "off", blind: [], ...completeness },
    table: {},
    ...rest,
  };
}

export function aDump(dump: Partial<DumpGauges> = {}): DumpGauges {
  return {
    takenAt: START,
    durationMs: 12,
    entries: 0,
    byFamily: { ipv4: 0, ipv6: 0 },
    byProtocol: {},
    byTcpState: {},
    byNat: { none: 0, snat: 0, dnat: 0, both: 0 },
    unreplied: 0,
    assured: 0,
    offloaded: 0,
    zones: [0],
    ...dump,
  };
}

export type GroupRow = {
  source: string;
  peer?: string;
  peerPort?: number;
  protocol?: number;
  nat?: NatClass;
  natAddress?: string;
  zone?: number;
  entries: number;
  unreplied?: number;
  opened?: number;
  closed?: number;
  bytes?: number;
  packets?: number;
};

type Remainders = Partial<Pick<Segment, "talkerRemainder" | "groupRemainder" | "untracked" | "error">>;
type Optional = "zone" | "opened" | "closed" | "bytes" | "packets";

/** A column, where any row says anything of it. */
const optional = (rows: readonly GroupRow[], name: Optional) =>
  rows.some((row) => row[name] !== undefined) ? { [name]: rows.map((row) => row[name] ?? 0) } : {};

/** A segment of these flow groups, its talkers added up from them. */
export function aSegment(rows: readonly GroupRow[], remainders: Remainders = {}): Segment {
  const addresses: string[] = [];
  const index = (address: string) => {
    if (!addresses.includes(address)) addresses.push(address);
    return addresses.indexOf(address);
  };
  const of = (source: string) => rows.filter((row) => row.source === source);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const sources = [...new Set(rows.map((row) => row.source))];
  const summed = (name: "opened" | "closed") =>
    rows.some((row) => row[name] !== undefined)
      ? { [name]: sources.map((source) => sum(of(source).map((row) => row[name] ?? 0))) }
      : {};
  const snat = (row: GroupRow) => row.nat === "snat" || row.nat === "both";
  return {
    talkers: {
      source: sources.map(index),
      entries: sources.map((source) => sum(of(source).map((row) => row.entries))),
      snatEntries: sources.map((source) =>
        sum(
          of(source)
            .filter(snat)
            .map((row) => row.entries),
        ),
      ),
      unreplied: sources.map((source) => sum(of(source).map((row) => row.unreplied ?? 0))),
      peers: sources.map((source) => new Set(of(source).map((row) => row.peer)).size),
      ...summed("opened"),
      ...summed("closed"),
    },
    talkerRemainder: { sources: 0, entries: 0, snatEntries: 0, unreplied: 0 },
    groups: {
      source: rows.map((row) => index(row.source)),
      peer: rows.map((row) => index(row.peer ?? "8.8.8.8")),
      peerPort: rows.map((row) => row.peerPort ?? 443),
      protocol: rows.map((row) => row.protocol ?? 6),
      nat: rows.map((row) => row.nat ?? "none"),
      natAddress: rows.map((row) => (row.natAddress === undefined ? null : index(row.natAddress))),
      entries: rows.map((row) => row.entries),
      unreplied: rows.map((row) => row.unreplied ?? 0),
      ...optional(rows, "zone"),
      ...optional(rows, "opened"),
      ...optional(rows, "closed"),
      ...optional(rows, "bytes"),
      ...optional(rows, "packets"),
    },
    groupRemainder: { groups: 0, entries: 0, unreplied: 0 },
    addresses,
    ...remainders,
  };
}

/** A report with these flow groups. */
export function aReportOf(
  rows: readonly GroupRow[],
  some: Some = {},
  remainders: Remainders = {},
): StoredReport {
  return aStoredReport({ ...some, segment: encodeSegment(aSegment(rows, remainders)) });
}

/** As large as a report may be, and nothing in it compresses. */
export function theLargestSegment(): Segment {
  const random = randomNumbers(7);
  const rows = 4096;
  const numbers = (below: number) => Array.from({ length: rows }, () => Math.floor(random() * below));
  const counts = () => numbers(2 ** 53);
  const group = () => (1 + Math.floor(random() * 65_535)).toString(16);
  const classes: NatClass[] = ["none", "snat", "dnat", "both"];
  return {
    addresses: Array.from({ length: 3 * rows }, () => Array.from({ length: 8 }, group).join(":")),
    talkers: {
      source: numbers(3 * rows),
      entries: counts(),
      snatEntries: counts(),
      unreplied: counts(),
      peers: counts(),
      opened: counts(),
      closed: counts(),
      established: counts(),
      idle: counts(),
      closeWait: counts(),
    },
    talkerRemainder: {
      sources: 1,
      entries: Number.MAX_SAFE_INTEGER,
      snatEntries: 2,
      unreplied: 3,
      opened: 4,
      closed: 5,
      established: 6,
      idle: 7,
      closeWait: 8,
    },
    groups: {
      source: numbers(3 * rows),
      peer: numbers(3 * rows),
      peerPort: numbers(65_536),
      protocol: numbers(256),
      nat: numbers(4).map((nat) => classes[nat] ?? "none"),
      natAddress: numbers(3 * rows),
      entries: counts(),
      unreplied: counts(),
      zone: numbers(65_536),
      opened: counts(),
      closed: counts(),
      bytes: counts(),
      packets: counts(),
    },
    groupRemainder: { groups: 1, entries: 2, unreplied: 3, opened: 4, closed: 5, bytes: 6, packets: 7 },
    untracked: 1,
    error: { sources: 2, groups: 3 },
    dialled: {
      peer: numbers(3 * rows).slice(0, 1024),
      peerPort: numbers(65_536).slice(0, 1024),
      protocol: numbers(256).slice(0, 1024),
      address: numbers(3 * rows).slice(0, 1024),
      port: numbers(65_536).slice(0, 1024),
    },
  };
}

/** The same numbers in [0, 1) each time (a linear congruential generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
