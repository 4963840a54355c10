import { canonicalAddress, isLocalAddress } from "./address.ts";
import { storable } from "./text.ts";

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
    overruns?: number | undefined;
    opened?: "events" | "dumps" | undefined;
    untracked?: number | undefined;
    older?: number | undefined;
    forgotten?: number | undefined;
  };
  table: { count?: number | undefined; max?: number | undefined; buckets?: number | undefined };
  dump?: DumpGauges | undefined;
  /** Flows that began and ended in the window. */
  flows?: { opened?: number | undefined; closed?: number | undefined } | undefined;
  counters?: HostCounters | undefined;
  self?: { cpuMs: number; rssBytes: number } | undefined;
  /** Addresses that leases are of, those with most leases first; at most MAX_NAT_ADDRESSES count. */
  natAddresses?: readonly string[] | undefined;
  /** From `encodeSegment`. */
  segment?: Uint8Array | undefined;
  /** From `encodeDetails`. */
  details?: Uint8Array | undefined;
};

export type DumpGauges = {
  takenAt: number;
  durationMs: number;
  entries: number;
  byFamily: { ipv4: number; ipv6: number };
  /** IANA protocol number → entries; one that is missing has none. */
  byProtocol: Readonly<Record<string, number>>;
  /** Names of enum tcp_conntrack → entries; one that is missing has none. */
  byTcpState: Readonly<Record<string, number | undefined>>;
  byNat: { none: number; snat: number; dnat: number; both: number };
  unreplied: number;
  assured: number;
  offloaded: number;
  zones: readonly number[];
};

/** What grew since the report before; a counter that is not known is missing. */
export type HostCounters = {
  statistics: Readonly<Partial<Record<string, number>>>;
  log?: { tableFull: number } | undefined;
};

type Value = number | string | null;
type Gauges = Record<string, (report: StoredReport) => Value | undefined>;

const NAMED_PROTOCOLS = new Set(["6", "17", "1", "58", "132"]);
const protocol = (number: string) => dumped((dump) => dump.byProtocol[number] ?? 0);
const tcpState = (name: string) => dumped((dump) => dump.byTcpState[name] ?? 0);

const statistic = (name: string) => (report: StoredReport) => report.counters?.statistics[name];

/** Columns of samples and where each comes from. A dump is complete: what it does not name it has none of. */
const GAUGES: Gauges = {
  received_at: (report) => report.receivedAt,
  source: (report) => storable(report.completeness.source),
  events: (report) => report.completeness.events,
  interrupted: (report) => flag(report.completeness.interrupted),
  unreadable_lines: (report) => report.completeness.unreadable?.lines,
  unreadable_samples: (report) => texts(report.completeness.unreadable?.samples),
  count: (report) => report.table.count,
  max: (report) => report.table.max,
  buckets: (report) => report.table.buckets,
  taken_at: dumped((dump) => dump.takenAt),
  dump_ms: dumped((dump) => dump.durationMs),
  entries: dumped((dump) => dump.entries),
  ipv4: dumped((dump) => dump.byFamily.ipv4),
  ipv6: dumped((dump) => dump.byFamily.ipv6),
  tcp: protocol("6"),
  udp: protocol("17"),
  icmp: protocol("1"),
  icmpv6: protocol("58"),
  sctp: protocol("132"),
  other_protocols: dumped(otherProtocols),
  tcp_none: tcpState("NONE"),
  tcp_syn_sent: tcpState("SYN_SENT"),
  tcp_syn_recv: tcpState("SYN_RECV"),
  tcp_established: tcpState("ESTABLISHED"),
  tcp_fin_wait: tcpState("FIN_WAIT"),
  tcp_close_wait: tcpState("CLOSE_WAIT"),
  tcp_last_ack: tcpState("LAST_ACK"),
  tcp_time_wait: tcpState("TIME_WAIT"),
  tcp_close: tcpState("CLOSE"),
  tcp_syn_sent2: tcpState("SYN_SENT2"),
  nat_none: dumped((dump) => dump.byNat.none),
  nat_snat: dumped((dump) => dump.byNat.snat),
  nat_dnat: dumped((dump) => dump.byNat.dnat),
  nat_both: dumped((dump) => dump.byNat.both),
  unreplied: dumped((dump) => dump.unreplied),
  assured: dumped((dump) => dump.assured),
  offloaded: dumped((dump) => dump.offloaded),
  zones: dumped((dump) => JSON.stringify(dump.zones)),
  opened: (report) => report.flows?.opened,
  closed: (report) => report.flows?.closed,
  opened_by: (report) => report.completeness.opened,
  overruns: (report) => report.completeness.overruns,
  untracked: (report) => report.completeness.untracked,
  older: (report) => report.completeness.older,
  forgotten: (report) => report.completeness.forgotten,
  stat_found: statistic("found"),
  stat_invalid: statistic("invalid"),
  stat_insert_failed: statistic("insertFailed"),
  stat_drop: statistic("drop"),
  stat_early_drop: statistic("earlyDrop"),
  stat_error: statistic("error"),
  stat_search_restart: statistic("searchRestart"),
  stat_clash_resolve: statistic("clashResolve"),
  stat_chain_too_long: statistic("chainTooLong"),
  table_full: (report) => report.counters?.log?.tableFull,
  agent_cpu_ms: (report) => report.self?.cpuMs,
  agent_rss: (report) => report.self?.rssBytes,
};

/** Names of the columns that `gaugesOf` fills, in its order. */
export const GAUGE_COLUMNS = Object.keys(GAUGES);
const READERS = Object.values(GAUGES);

/** The gauges of a report, one a column; null where it does not say. */
export function gaugesOf(report: StoredReport): Value[] {
  return READERS.map((read) => read(report) ?? null);
}

/** What tells one report from another. */
export function identityOf(report: StoredReport): [number, string, string, number] {
  const { name, bootId } = report.node;
  return [report.clusterId, storable(name), storable(bootId), report.sequence];
}

/** What a node says of itself, as the row of nodes has it. */
export function wordsOf({
  clusterId,
  node,
  completeness,
  receivedAt,
  from,
  sequence,
}: StoredReport): Value[] {
  return [
    clusterId,
    storable(node.name),
    storable(node.agent),
    storable(node.kernel),
    JSON.stringify(node.addresses),
    JSON.stringify(completeness.blind),
    receivedAt,
    from,
    storable(node.bootId),
    sequence,
  ];
}

/** A node has one or two, a gateway that spreads over a pool some dozens. */
export const MAX_NAT_ADDRESSES = 64;

/** Addresses that a report says its node had (`own`), or put in place of others' (`nat`). */
export function addressesOf({
  node,
  natAddresses = [],
}: StoredReport): [address: string, own: number, nat: number][] {
  const found = new Map<string, [string, number, number]>();
  const take = (text: string, own: number, nat: number) => {
    const address = canonicalAddress(text);
    if (address === undefined || isLocalAddress(address)) return;
    const known = found.get(address);
    found.set(address, [address, Math.max(own, known?.[1] ?? 0), Math.max(nat, known?.[2] ?? 0)]);
  };
  for (const text of node.addresses) take(text, 1, 0);
  for (const text of natAddresses.slice(0, MAX_NAT_ADDRESSES)) take(text, 0, 1);
  return [...found.values()];
}

function dumped(read: (dump: DumpGauges) => Value) {
  return (report: StoredReport) => report.dump && read(report.dump);
}

function otherProtocols({ byProtocol }: DumpGauges): number {
  let entries = 0;
  for (const [number, count] of Object.entries(byProtocol))
    if (!NAMED_PROTOCOLS.has(number)) entries += count;
  return entries;
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function texts(values: readonly string[] | undefined): string | undefined {
  return values?.length ? JSON.stringify(values) : undefined;
}
