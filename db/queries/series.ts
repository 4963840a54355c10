import type { Db } from "../client.ts";

export const SERIES_METRICS = [
  "entries",
  "count",
  "limit",
  "utilisation",
  "buckets",
  "unreplied",
  "assured",
  "offloaded",
  "ipv4",
  "ipv6",
  "tcp",
  "udp",
  "icmp",
  "icmpv6",
  "sctp",
  "otherProtocols",
  "tcpNone",
  "tcpSynSent",
  "tcpSynRecv",
  "tcpEstablished",
  "tcpFinWait",
  "tcpCloseWait",
  "tcpLastAck",
  "tcpTimeWait",
  "tcpClose",
  "tcpSynSent2",
  "natNone",
  "natSnat",
  "natDnat",
  "natBoth",
  "unreadableLines",
] as const;
export type SeriesMetric = (typeof SERIES_METRICS)[number];

export type SeriesQuery = {
  clusterId: number;
  metric: SeriesMetric;
  /** One node's series. */
  node?: string | undefined;
  /** A series a node, or (default) one for the cluster. */
  by?: "cluster" | "node" | undefined;
  from: number;
  to: number;
  stepMs: number;
};

/** `points` are [start of step in epoch ms, value]; a step without a value has no point. */
export type Series = { node: string | null; points: [number, number][] };

export async function series(_db: Db, _query: SeriesQuery): Promise<Series[]> {
  throw new Error("not yet");
}
