import * as z from "zod";
import { type Check, complain, eachOnce, sum } from "./wire/checks.ts";
import { addressElements, column, countElements, countsBy, wholeElements } from "./wire/columns.ts";
import { Flows } from "./wire/flows.ts";
import { Counters, Host } from "./wire/host.ts";
import { checkHolders, LeaseChanges, LeaseKeyframe, Ports } from "./wire/leases.ts";
import { Owners } from "./wire/owners.ts";
import { Count, Instant, Sentence, Text } from "./wire/values.ts";

export { Flows, MAX_ADDRESSES, MAX_DIALLED, MAX_GROUPS, MAX_TALKERS } from "./wire/flows.ts";
export { Counters, Host, KUBE_PROXY_MODES, STATISTICS, type Statistic } from "./wire/host.ts";
export {
  LeaseChanges,
  LeaseKeyframe,
  MAX_HOLDERS,
  MAX_KEYFRAME_LEASES,
  MAX_LEASES,
  MAX_OCCUPIED,
  MAX_SHARES,
  Ports,
} from "./wire/leases.ts";
export { MAX_OWNERS, OWNER_KINDS, type OwnerKind, Owners } from "./wire/owners.ts";
export { MAX_TEXT, NAT_CLASSES, type NatClass } from "./wire/values.ts";

/** Longest window an agent may report, in ms: the slowest interval allowed is five minutes. */
export const MAX_WINDOW_MS = 300_000;
/** Node addresses: a node with many CNI bridges has some dozens. */
export const MAX_NODE_ADDRESSES = 256;
/** Conntrack zones are 16 bits; more than this many in one namespace is not a use we know. */
export const MAX_ZONES = 1024;
/** Lines kept as samples of what could not be read. */
export const MAX_UNREADABLE_SAMPLES = 5;
/** Sentences about what a source cannot see. */
export const MAX_BLIND = 16;
/** Runs of lost sequence numbers one report can declare; an agent joins neighbours and sends the rest with the next. */
export const MAX_DROPPED = 64;

export const SOURCES = ["netlink", "procfs", "conntrack", "none"] as const;
/** Names of enum tcp_conntrack, in kernel order (include/uapi/linux/netfilter/nf_conntrack_tcp.h). */
export const TCP_STATES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
] as const;
/**
 * Upper bounds, in seconds, of the classes of idle time in {@link Ages}; the last class is above the last bound. The
 * bounds are timeouts one might set.
 */
export const AGE_BOUNDS_S = [
  5, 10, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800,
  432_000,
] as const;
/** Kinds of entries whose idle time says what a shorter timeout would free. */
export const AGED = ["tcp-established", "tcp-close-wait", "udp-stream", "udp", "sctp-established"] as const;

/** IANA protocol numbers, 0 to 255, each written in one way only. */
const PROTOCOL = /^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/;

/** Who reports. `bootId` is the kernel's (/proc/sys/kernel/random/boot_id): counters start anew with it. */
export const ReportNode = z
  .object({
    name: Text.min(1),
    bootId: Text.min(1),
    agent: Text,
    kernel: Text,
    addresses: column(addressElements, MAX_NODE_ADDRESSES),
  })
  .meta({ id: "ReportNode" });

/** What the report can and cannot know. */
export const Completeness = z
  .object({
    source: z.enum(SOURCES),
    /** Whether every flow opened and closed in the window was seen. */
    events: z.enum(["off", "complete", "lossy"]),
    /** What this source cannot see on this node, in words. */
    blind: z.array(Sentence).max(MAX_BLIND),
    /** The table was resized while it was dumped: entries are missing, up to a third of them, or double. */
    interrupted: z.boolean().optional(),
    /**
     * Entries of sources and groups that were folded away because there were too many. They are in every total and
     * remainder, but the remainders' counts of sources and groups are then lower bounds; see `flows.error`.
     */
    untracked: Count.optional(),
    /** Lines or messages that could not be read; they are in no total. */
    unreadable: z
      .object({
        lines: Count,
        samples: z.array(Sentence).max(MAX_UNREADABLE_SAMPLES),
      })
      .optional(),
    /** Times the kernel said in this window that it had no room and lost events (ENOBUFS). */
    overruns: Count.optional(),
    /**
     * What `opened` and `closed` are: counts of events, exact while `events` is complete; or what two dumps differ by, which
     * misses what came and went between them. Absent where neither is there.
     */
    opened: z.enum(["events", "dumps"]).optional(),
    /**
     * Live entries that are older than the agent's listening: kernels that set nf_conntrack_events to 2 do not report their
     * end, which is then found by the next dump.
     */
    older: Count.optional(),
    /** Flows beyond those an agent remembers: their bytes are counted at their end only, their leases have no start. */
    forgotten: Count.optional(),
  })
  .meta({ id: "Completeness" });

/** Gauges the kernel gives without a dump (net.netfilter.nf_conntrack_*). What could not be read is absent. */
export const TableGauges = z
  .object({ count: Count.optional(), max: Count.optional(), buckets: Count.optional() })
  .meta({ id: "TableGauges" });

const OVERLAYS = new Set(["4789", "8472", "6081"]);

const DumpCounts = z.object({
  takenAt: Instant,
  durationMs: Count,
  entries: Count,
  byFamily: z.object({ ipv4: Count, ipv6: Count }),
  /** IANA protocol number → entries. */
  byProtocol: countsBy<Record<string, number>>((name) => PROTOCOL.test(name)),
  byTcpState: countsBy<Partial<Record<TcpState, number>>>((name) =>
    TCP_STATES.some((state) => state === name),
  ),
  byNat: z.object({ none: Count, snat: Count, dnat: Count, both: Count }),
  unreplied: Count,
  assured: Count,
  offloaded: Count,
  zones: column(wholeElements(65_535), MAX_ZONES),
  /** Port of an overlay (4789, 8472, 6081; UDP) → entries of its own, which a node usually need not track. */
  overlay: countsBy<Record<string, number>>((name) => OVERLAYS.has(name)).optional(),
});

/**
 * The composition of the table as one dump found it. All parts count entries. Where a large table is not read in every
 * window, `takenAt` may lie before the window: it is then the latest dump there is.
 */
export const TableDump = DumpCounts.superRefine(checkDump).meta({ id: "TableDump" });

/**
 * How long entries had been idle when dumped: what a shorter timeout would free. Idle time is the configured timeout minus
 * what remains of it. TCP entries that the kernel keeps for minutes only, because data is on its way, were not idle; entries
 * whose timeout was set otherwise (policies) look older or younger than they are.
 */
export const Ages = z
  .object({
    of: z.enum(AGED),
    /** The timeout in force on this node, in seconds. */
    timeout: Count,
    /** Entries by class of AGE_BOUNDS_S, and one more for those above. */
    entries: column(countElements, AGE_BOUNDS_S.length + 1),
  })
  .superRefine(({ entries }, check) => {
    if (entries.length <= AGE_BOUNDS_S.length)
      complain(check, ["entries"], `has ${entries.length} classes of ${AGE_BOUNDS_S.length + 1}`);
  })
  .meta({ id: "Ages" });

/** Reports that no server will get, by their sequence numbers, so that no gap is taken for a silent node. */
const Dropped = z
  .object({
    bootId: Text.min(1),
    /** The first and the last of a run. */
    from: Count,
    to: Count,
    reason: z.enum(["age", "size", "refused", "unreadable", "failed"]),
  })
  .superRefine(({ from, to }, check) => {
    if (to < from) complain(check, ["to"], "comes before from");
  });

/** What one agent says of one window of one node. Identity: (cluster of the token, node, boot id, sequence). */
export const Report = z
  .object({
    node: ReportNode,
    sequence: Count,
    window: z.object({ from: Instant, to: Instant }).superRefine(checkWindow),
    completeness: Completeness,
    table: TableGauges,
    dump: TableDump.optional(),
    flows: Flows.optional(),
    ages: z.array(Ages).max(AGED.length).superRefine(checkAges).optional(),
    leases: LeaseChanges.optional(),
    keyframe: LeaseKeyframe.optional(),
    ports: Ports.optional(),
    owners: Owners.optional(),
    counters: Counters.optional(),
    host: Host.optional(),
    dropped: z.array(Dropped).max(MAX_DROPPED).optional(),
    /** What the agent itself took: CPU time in the window, memory now, and reports that wait to be sent. */
    self: z.object({ cpuMs: Count, rssBytes: Count, waiting: Count }).optional(),
  })
  .superRefine(checkTotals)
  .superRefine(checkReferences)
  .meta({ id: "Report" });

export type Report = z.infer<typeof Report>;
export type ReportNode = z.infer<typeof ReportNode>;
export type Completeness = z.infer<typeof Completeness>;
export type TableGauges = z.infer<typeof TableGauges>;
export type TableDump = z.infer<typeof TableDump>;
export type Ages = z.infer<typeof Ages>;
export type Dropped = z.infer<typeof Dropped>;
export type TcpState = (typeof TCP_STATES)[number];

/** Every entry is of one family, one protocol and one NAT class; what some are, not more than all can be. */
function checkDump(dump: z.infer<typeof DumpCounts>, check: Check): void {
  for (const part of ["unreplied", "assured", "offloaded"] as const)
    if (dump[part] > dump.entries) complain(check, [part], `counts ${dump[part]} of ${dump.entries} entries`);
  for (const part of ["byFamily", "byProtocol", "byNat"] as const) {
    const parts = sum(Object.values(dump[part]));
    if (parts !== dump.entries)
      complain(check, [part], `parts add up to ${parts}, the dump has ${dump.entries} entries`);
  }
}

function checkWindow({ from, to }: { from: number; to: number }, check: Check): void {
  if (to <= from) complain(check, ["to"], "a window ends after it begins");
  else if (to - from > MAX_WINDOW_MS) complain(check, ["to"], `a window is at most ${MAX_WINDOW_MS} ms long`);
}

function checkAges(ages: readonly { of: string }[], check: Check): void {
  eachOnce(
    [],
    ages.map(({ of }) => of),
    check,
  );
}

function checkTotals(
  report: { dump?: TableDump | undefined; flows?: Flows | undefined },
  check: Check,
): void {
  const { dump, flows } = report;
  if (!flows) return;
  if (!dump) return complain(check, ["dump"], "flows come from a dump, and none is given");
  const talkers = sum(flows.talkers.entries) + flows.talkerRemainder.entries;
  const groups = sum(flows.groups.entries) + flows.groupRemainder.entries;
  if (talkers !== dump.entries)
    complain(check, ["flows", "talkers", "entries"], mismatch(talkers, dump.entries));
  if (groups !== dump.entries)
    complain(check, ["flows", "groups", "entries"], mismatch(groups, dump.entries));
}

const mismatch = (got: number, want: number) =>
  `rows and remainder add up to ${got}, the dump has ${want} entries`;

/** Leases and ports name addresses by their place in the list of the flows. */
function checkReferences(
  report: {
    flows?: Flows | undefined;
    leases?: LeaseChanges | undefined;
    keyframe?: LeaseKeyframe | undefined;
    ports?: Ports | undefined;
  },
  check: Check,
): void {
  const size = report.flows?.addresses.length ?? 0;
  if (report.leases) checkHolders(["leases"], report.leases, size, check);
  if (report.keyframe) checkHolders(["keyframe"], report.keyframe, size, check);
  if (!report.ports) return;
  checkHolders(["ports"], report.ports, size, check);
  checkHolders(["ports", "shares"], { ...report.ports.shares, natAddress: [], peer: [] }, size, check);
}
