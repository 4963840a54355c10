import * as z from "zod";
import { countsBy, textsBy } from "./columns.ts";
import { Count, Sentence, Text } from "./values.ts";

/** Reasons the kernel gives for invalid packets; there are some twenty. */
export const MAX_INVALID_REASONS = 32;
/** Keys of one snapshot of sysctls: the kernel has some seventy of conntrack. */
export const MAX_SYSCTLS = 256;
export const MAX_UNREAD = 64;

/** Per-CPU statistics of conntrack by meaning, whatever their kernel calls them, summed over CPUs. */
export const STATISTICS = [
  /** Tuples already taken, met while a NAT tuple was sought (before 5.x: every lookup that found something). */
  "found",
  "invalid",
  /** Entries made through netlink; those that packets make are not counted. */
  "insert",
  /** Entries that could not be inserted; before 5.10 also clashes that were resolved. */
  "insertFailed",
  "drop",
  "earlyDrop",
  "error",
  "searchRestart",
  /** Two packets raced to make the same entry and the kernel kept one (5.10). */
  "clashResolve",
  /** Chains longer than the kernel allows (5.15). */
  "chainTooLong",
  "expectNew",
  "expectCreate",
  "expectDelete",
] as const;
export type Statistic = (typeof STATISTICS)[number];

/** What was counted since the report before; a counter that this kernel lacks, or that cannot be read, is absent. */
export const Counters = z
  .object({
    /** How long the deltas cover, in ms. */
    elapsedMs: Count,
    statistics: countsBy<Partial<Record<Statistic, number>>>((name) =>
      STATISTICS.some((known) => known === name),
    ),
    /** Lines of the kernel log; the kernel limits their rate, so they are lower bounds. */
    log: z
      .object({
        /** `nf_conntrack: table full, dropping packet`, of the host's own namespace and of others. */
        tableFull: Count,
        tableFullElsewhere: Count,
        invalid: z.array(z.object({ reason: Text, lines: Count, sample: Sentence })).max(MAX_INVALID_REASONS),
        /** Lines the kernel overwrote before they were read. */
        missed: Count,
      })
      .optional(),
  })
  .meta({ id: "HostCounters" });

export const KUBE_PROXY_MODES = ["iptables", "nftables", "ipvs", "none"] as const;

/** What this node is set to. Sent at start, with keyframes, and when it changed. */
export const Host = z
  .object({
    /** Name of the sysctl, such as net.netfilter.nf_conntrack_max → its value as the kernel prints it. */
    sysctls: textsBy(MAX_SYSCTLS),
    cores: Count.optional(),
    memoryBytes: Count.optional(),
    /** Which rules kube-proxy keeps here; "none" where there are no such rules. */
    kubeProxy: z.enum(KUBE_PROXY_MODES).optional(),
    /** Whether Cilium keeps connection tracking of its own in BPF maps here. */
    ciliumBpf: z.boolean().optional(),
    /** What could not be read, and why, one sentence each. */
    unread: z.array(Sentence).max(MAX_UNREAD),
  })
  .meta({ id: "Host" });

export type Counters = z.infer<typeof Counters>;
export type Host = z.infer<typeof Host>;
