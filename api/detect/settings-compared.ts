import type { SettingsView } from "./rule.ts";

const CONNTRACK = "net.netfilter.nf_conntrack_";
const MAX = `${CONNTRACK}max`;
const BUCKETS = `${CONNTRACK}buckets`;

/**
 * What is meant to be the same on all nodes. Not here: what the kernel makes of the node's memory (expect_max, hashsize, buffers), and what
 * is no setting of connection tracking.
 */
const COMPARED: ReadonlySet<string> = new Set(
  [
    "max",
    "buckets",
    "acct",
    "checksum",
    "events",
    "log_invalid",
    "timestamp",
    "tcp_be_liberal",
    "tcp_ignore_invalid_rst",
    "tcp_loose",
    "tcp_max_retrans",
  ].map((name) => CONNTRACK + name),
);
/** Of flows, not of fragments. */
const TIMEOUT = /^net\.netfilter\.nf_(conntrack|flowtable)_(?!frag).*timeout/;

export const isCompared = (name: string): boolean => COMPARED.has(name) || TIMEOUT.test(name);

/** Chains of more entries than this on average make every lookup slow. */
const LONG_CHAIN = 8;
/** What kube-proxy sets by default: so many a core, and no fewer than that in all. */
const A_CORE = 32_768;
const LEAST_MAX = 131_072;

/**
 * What a setting is compared by, in one or more ways: nodes that agree in one of them agree. As a rule its value. The limit of entries: its
 * value, and what it is for each core. Buckets, of which the kernel makes more where there is more memory: whether they are far too few for
 * the limit. undefined: not comparable this way.
 */
export function waysOf(name: string, { sysctls, cores }: SettingsView): (string | undefined)[] {
  const value = sysctls[name];
  if (name === MAX) return [value, perCore(Number(value), cores)];
  if (name !== BUCKETS) return [value];
  const chain = Number(sysctls[MAX]) / Number(value);
  return [Number.isFinite(chain) ? (chain > LONG_CHAIN ? "long chains" : "short chains") : undefined];
}

function perCore(max: number, cores: number | undefined): string | undefined {
  if (cores === undefined || cores <= 0 || !Number.isFinite(max)) return undefined;
  return max === Math.max(LEAST_MAX, A_CORE * cores) ? "kube-proxy" : `${max / cores}`;
}
