import type { Db } from "../client.ts";

export type Stored = "stored" | "duplicate";

/** One report as it is kept. What is not known is undefined, never 0. Times in epoch ms. */
export type StoredReport = {
  clusterId: number;
  node: {
    name: string;
    bootId: string;
    agent: string;
    kernel: string;
    addresses: readonly string[];
  };
  sequence: number;
  from: number;
  to: number;
  receivedAt: number;
  completeness: {
    source: string;
    events: "off" | "complete" | "lossy";
    blind: readonly string[];
    interrupted?: boolean | undefined;
    unreadable?: { lines: number; samples: readonly string[] } | undefined;
  };
  table: { count?: number | undefined; max?: number | undefined; buckets?: number | undefined };
  dump?: DumpGauges | undefined;
  /** From `encodeSegment`. */
  segment?: Uint8Array | undefined;
};

export type DumpGauges = {
  takenAt: number;
  durationMs: number;
  entries: number;
  byFamily: { ipv4: number; ipv6: number };
  /** IANA protocol number → entries. */
  byProtocol: Readonly<Record<string, number>>;
  /** Names of enum tcp_conntrack → entries. */
  byTcpState: Readonly<Record<string, number | undefined>>;
  byNat: { none: number; snat: number; dnat: number; both: number };
  unreplied: number;
  assured: number;
  offloaded: number;
  zones: readonly number[];
};

/**
 * Appends reports in one atomic batch. Each answer stands where its report stood; of a duplicate
 * (same cluster, node, boot id and sequence) nothing is stored, whatever else it says.
 */
export async function storeReports(_db: Db, _reports: readonly StoredReport[]): Promise<Stored[]> {
  throw new Error("not yet");
}

export type ReportWriter = { store(report: StoredReport): Promise<Stored> };

/**
 * Stores reports one by one for its callers, but commits those that arrive together in one batch.
 * A report the database refuses fails alone. One writer a process; on Workers one a request.
 */
export function reportWriter(_db: Db): ReportWriter {
  throw new Error("not yet");
}
