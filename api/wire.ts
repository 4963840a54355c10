import * as z from "zod";
import {
  addressElements,
  column,
  countElements,
  countsBy,
  elementsOf,
  indexElements,
  wholeElements,
} from "./wire/columns.ts";

/** Longest window an agent may report, in ms: the slowest interval allowed is five minutes. */
export const MAX_WINDOW_MS = 300_000;
/** Longest text in a report (node name, kernel release): a DNS name has at most 253 bytes (RFC 1035, 2.3.4). */
export const MAX_TEXT = 253;
/** Node addresses: a node with many CNI bridges has some dozens. */
export const MAX_NODE_ADDRESSES = 256;
/** Sources a report lists one by one; an agent folds more into the remainder. */
export const MAX_TALKERS = 4096;
/** Flow groups a report lists one by one. */
export const MAX_GROUPS = 4096;
/** Distinct addresses all columns may refer to: each group has at most three. */
export const MAX_ADDRESSES = MAX_TALKERS + 2 * MAX_GROUPS;
/** Conntrack zones are 16 bits; more than this many in one namespace is not a use we know. */
export const MAX_ZONES = 1024;
/** Lines kept as samples of what could not be read, and their length. */
export const MAX_UNREADABLE_SAMPLES = 5;
export const MAX_UNREADABLE_LENGTH = 500;
/** Sentences about what a source cannot see. */
export const MAX_BLIND = 16;

export const SOURCES = ["netlink", "procfs", "conntrack", "none"] as const;
export const NAT_CLASSES = ["none", "snat", "dnat", "both"] as const;
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

const Count = z.int().min(0);
const natElements = elementsOf(NAT_CLASSES);
const Text = z.string().max(MAX_TEXT);
/** Epoch milliseconds, from 1970 to the year 9999. */
const Instant = z.int().min(0).max(253_402_300_799_999);

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
    blind: z.array(z.string().max(MAX_UNREADABLE_LENGTH)).max(MAX_BLIND),
    /** The table was resized while it was dumped: entries are missing, up to a third of them, or double. */
    interrupted: z.boolean().optional(),
    /**
     * Entries beyond the groups an agent can tell apart. They are in every total and remainder, but the remainders'
     * counts of sources and groups are then lower bounds, and a large one may be missing from the lists.
     */
    untracked: Count.optional(),
    /** Lines or messages that could not be read; they are in no total. */
    unreadable: z
      .object({
        lines: Count,
        samples: z.array(z.string().max(MAX_UNREADABLE_LENGTH)).max(MAX_UNREADABLE_SAMPLES),
      })
      .optional(),
  })
  .meta({ id: "Completeness" });

/** Gauges the kernel gives without a dump (net.netfilter.nf_conntrack_*). What could not be read is absent. */
export const TableGauges = z
  .object({ count: Count.optional(), max: Count.optional(), buckets: Count.optional() })
  .meta({ id: "TableGauges" });

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
});

/** The composition of the table as one dump found it. All parts count entries. */
export const TableDump = DumpCounts.superRefine(checkDump).meta({ id: "TableDump" });

/** One source a row, over all its flow groups. `source` indexes `addresses`. */
const Talkers = z
  .object({
    source: column(countElements, MAX_TALKERS),
    entries: column(countElements, MAX_TALKERS),
    snatEntries: column(countElements, MAX_TALKERS),
    unreplied: column(countElements, MAX_TALKERS),
    /** Distinct peer addresses. */
    peers: column(countElements, MAX_TALKERS),
  })
  .meta({ id: "ReportTalkers" });

/** One flow group a row. `source`, `peer` and `natAddress` index `addresses`. */
const Groups = z
  .object({
    source: column(countElements, MAX_GROUPS),
    peer: column(countElements, MAX_GROUPS),
    /** 0 where the protocol has no ports. */
    peerPort: column(wholeElements(65_535), MAX_GROUPS),
    protocol: column(wholeElements(255), MAX_GROUPS),
    nat: column(natElements, MAX_GROUPS),
    /** The address the peer sees; null without SNAT. */
    natAddress: column(indexElements, MAX_GROUPS),
    entries: column(countElements, MAX_GROUPS),
    unreplied: column(countElements, MAX_GROUPS),
    /**
     * Both directions, since each entry was created, of the entries that carry counters: those created while accounting
     * (nf_conntrack_acct) was on. Absent where none does.
     */
    bytes: column(countElements, MAX_GROUPS).optional(),
    packets: column(countElements, MAX_GROUPS).optional(),
  })
  .meta({ id: "ReportGroups" });

const TalkerRemainder = z.object({ sources: Count, entries: Count, snatEntries: Count, unreplied: Count });
const GroupRemainder = z.object({
  groups: Count,
  entries: Count,
  unreplied: Count,
  bytes: Count.optional(),
  packets: Count.optional(),
});

const FlowTables = z.object({
  addresses: column(addressElements, MAX_ADDRESSES),
  talkers: Talkers,
  talkerRemainder: TalkerRemainder,
  groups: Groups,
  groupRemainder: GroupRemainder,
});

/** Who uses the table: every column of a table has the same length, listed rows and remainder add up to the dump. */
export const Flows = FlowTables.superRefine(checkFlows).meta({ id: "Flows" });

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
  })
  .superRefine(checkTotals)
  .meta({ id: "Report" });

export type Report = z.infer<typeof Report>;
export type ReportNode = z.infer<typeof ReportNode>;
export type Completeness = z.infer<typeof Completeness>;
export type TableGauges = z.infer<typeof TableGauges>;
export type TableDump = z.infer<typeof TableDump>;
export type Flows = z.infer<typeof Flows>;
export type NatClass = (typeof NAT_CLASSES)[number];
export type TcpState = (typeof TCP_STATES)[number];

type Check = z.RefinementCtx;
type Columns = Record<string, readonly unknown[] | undefined>;

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

function checkFlows(flows: z.infer<typeof FlowTables>, check: Check): void {
  const sameLength = [
    sameLengths("talkers", flows.talkers, check),
    sameLengths("groups", flows.groups, check),
  ];
  if (sameLength.includes(false)) return;
  const size = flows.addresses.length;
  inRange(["talkers", "source"], flows.talkers.source, size, check);
  inRange(["groups", "source"], flows.groups.source, size, check);
  inRange(["groups", "peer"], flows.groups.peer, size, check);
  inRange(["groups", "natAddress"], flows.groups.natAddress, size, check);
  const { talkers, groups } = flows;
  partsOf(["talkers", "snatEntries"], talkers.snatEntries, talkers.entries, check);
  partsOf(["talkers", "unreplied"], talkers.unreplied, talkers.entries, check);
  partsOf(["groups", "unreplied"], groups.unreplied, groups.entries, check);
  eachOnce(["addresses"], flows.addresses, check);
  eachOnce(["talkers", "source"], flows.talkers.source, check);
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

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mismatch = (got: number, want: number) =>
  `rows and remainder add up to ${got}, the dump has ${want} entries`;

function sameLengths(table: string, columns: Columns, check: Check): boolean {
  const want = columns["source"]?.length;
  const odd = Object.keys(columns).filter((name) => columns[name] && columns[name].length !== want);
  for (const name of odd)
    complain(check, [table, name], `has ${columns[name]?.length} rows where source has ${want}`);
  return odd.length === 0;
}

function inRange(path: string[], indexes: readonly (number | null)[], size: number, check: Check): void {
  const row = indexes.findIndex((index) => index !== null && index >= size);
  if (row >= 0) complain(check, [...path, row], `refers to address ${indexes[row]} of ${size}`);
}

function partsOf(path: string[], parts: readonly number[], wholes: readonly number[], check: Check): void {
  const row = parts.findIndex((part, at) => part > (wholes[at] ?? 0));
  if (row >= 0) complain(check, [...path, row], `counts ${parts[row]} of ${wholes[row]} entries`);
}

function eachOnce(path: string[], values: readonly (number | string)[], check: Check): void {
  if (new Set(values).size === values.length) return;
  const seen = new Set<number | string>();
  const row = values.findIndex((value) => seen.size === seen.add(value).size);
  complain(check, [...path, row], "stands there twice");
}

function complain(check: Check, path: (string | number)[], message: string): void {
  check.addIssue({ code: "custom", path, message });
}
