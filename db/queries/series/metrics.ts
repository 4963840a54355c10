/** Where each gauge stands in samples. */
const GAUGES = {
  entries: "entries",
  count: "count",
  limit: "max",
  buckets: "buckets",
  unreplied: "unreplied",
  assured: "assured",
  offloaded: "offloaded",
  ipv4: "ipv4",
  ipv6: "ipv6",
  tcp: "tcp",
  udp: "udp",
  icmp: "icmp",
  icmpv6: "icmpv6",
  sctp: "sctp",
  otherProtocols: "other_protocols",
  tcpNone: "tcp_none",
  tcpSynSent: "tcp_syn_sent",
  tcpSynRecv: "tcp_syn_recv",
  tcpEstablished: "tcp_established",
  tcpFinWait: "tcp_fin_wait",
  tcpCloseWait: "tcp_close_wait",
  tcpLastAck: "tcp_last_ack",
  tcpTimeWait: "tcp_time_wait",
  tcpClose: "tcp_close",
  tcpSynSent2: "tcp_syn_sent2",
  natNone: "nat_none",
  natSnat: "nat_snat",
  natDnat: "nat_dnat",
  natBoth: "nat_both",
  unreadableLines: "unreadable_lines",
  untracked: "untracked",
  older: "older",
  forgotten: "forgotten",
  agentRss: "agent_rss",
} as const;
type Gauge = keyof typeof GAUGES;

/** Where each count of what happened in a window stands in samples. */
const COUNTS = {
  opened: "opened",
  closed: "closed",
  overruns: "overruns",
  found: "stat_found",
  invalid: "stat_invalid",
  insertFailed: "stat_insert_failed",
  drop: "stat_drop",
  earlyDrop: "stat_early_drop",
  error: "stat_error",
  searchRestart: "stat_search_restart",
  clashResolve: "stat_clash_resolve",
  chainTooLong: "stat_chain_too_long",
  tableFull: "table_full",
  agentCpuMs: "agent_cpu_ms",
} as const;
type Count = keyof typeof COUNTS;

export type SeriesMetric = Gauge | Count | "utilisation";
export const SERIES_COUNTS = Object.keys(COUNTS) as Count[];
export const SERIES_METRICS = [
  ...(Object.keys(GAUGES) as Gauge[]),
  ...SERIES_COUNTS,
  "utilisation",
] as const satisfies SeriesMetric[];

/** What a step makes of the windows that reach into it. */
export const SERIES_AGGREGATES = ["max", "min", "avg", "last"] as const;
export type SeriesAggregate = (typeof SERIES_AGGREGATES)[number];

export const isCount = (metric: string): metric is Count => Object.hasOwn(COUNTS, metric);

/** Its column of samples. */
export const columnOf = (metric: Gauge | Count): string =>
  isCount(metric) ? COUNTS[metric] : GAUGES[metric];
