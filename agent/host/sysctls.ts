import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** What the wire takes (MAX_SYSCTLS and the lengths of textsBy). */
const MAX_SYSCTLS = 256;
const MAX_NAME = 128;
const MAX_VALUE = 256;

/** Names that matter outside net.netfilter, where whatever concerns conntrack is taken. */
const ELSEWHERE = [
  "net.core.rmem_default",
  "net.core.rmem_max",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
];
/** Named as on the kernel's command line: it is no sysctl, but set like one. */
const HASHSIZE = "nf_conntrack.hashsize";
const HASHSIZE_PATH = "module/nf_conntrack/parameters/hashsize";

const CONCERNS = /^nf_(conntrack_|flowtable_|log)/;
/** How full the table is changes all the time, and is no setting. */
const COUNT = "nf_conntrack_count";

export interface Sysctls {
  /** Name → value as the kernel prints it, in the order of the names. */
  sysctls: Record<string, string>;
  /** What could not be read, and why. */
  unread: string[];
}

/** All settings of connection tracking, those that this kernel is the first to have among them. Needs no capability. */
export async function readSysctls(proc = "/proc", sys = "/sys"): Promise<Sysctls> {
  const values = new Map<string, string>();
  const failures = new Map<string, string[]>();
  const take = (name: string, path: string) => {
    const text = textOf(path, (code) => failures.set(code, [...(failures.get(code) ?? []), name]));
    const value = text?.trim().replaceAll(/\s+/g, " ");
    if (value === undefined) return;
    if (name.length > MAX_NAME || value.length > MAX_VALUE || values.size >= MAX_SYSCTLS)
      failures.set("too long", [...(failures.get("too long") ?? []), name]);
    else values.set(name, value);
  };
  const names = await conntrackNames(proc);
  if (names.length === 0) failures.set("ENOENT", ["net.netfilter.nf_conntrack_*"]);
  for (const name of [...names, ...ELSEWHERE]) take(name, join(proc, "sys", ...name.split(".")));
  take(HASHSIZE, join(sys, HASHSIZE_PATH));
  return {
    sysctls: Object.fromEntries([...values].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    unread: [...failures].map(([code, names]) => sentence(code, names)),
  };
}

/** Synchronous, as procfs answers at once: seventy files through the thread pool would take ten times the CPU. */
function textOf(path: string, onFailure: (code: string) => void): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    onFailure((error as NodeJS.ErrnoException).code ?? "");
    return undefined;
  }
}

/** nf_log is a folder with one logger for each family. */
async function conntrackNames(proc: string): Promise<string[]> {
  const folder = join(proc, "sys/net/netfilter");
  const list = (path: string) => readdir(path).catch(() => []);
  const names = (await list(folder)).filter(
    (name) => CONCERNS.test(name) && name !== COUNT && name !== "nf_log",
  );
  const loggers = (await list(join(folder, "nf_log"))).map((family) => `nf_log.${family}`);
  return [...names, ...loggers].toSorted().map((name) => `net.netfilter.${name}`);
}

/** Sentences of the wire end at 500 characters. */
const MAX_NAMES = 3;

function sentence(code: string, names: readonly string[]): string {
  const shown = names
    .slice(0, MAX_NAMES)
    .map((name) => name.slice(0, MAX_NAME))
    .join(", ");
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  const why = code === "too long" ? "more or longer than a report takes" : `cannot be read (${code})`;
  return `settings ${shown}${more}: ${why}`;
}

/** How long the kernel keeps an entry that nothing refreshes, in seconds. */
export interface Timeouts {
  tcpEstablished?: number;
  tcpCloseWait?: number;
  udp?: number;
  udpStream?: number;
  sctpEstablished?: number;
  tcpUnacknowledged?: number;
  tcpMaxRetrans?: number;
}

const TIMEOUTS = {
  tcpEstablished: "tcp_timeout_established",
  tcpCloseWait: "tcp_timeout_close_wait",
  udp: "udp_timeout",
  udpStream: "udp_timeout_stream",
  sctpEstablished: "sctp_timeout_established",
  tcpUnacknowledged: "tcp_timeout_unacknowledged",
  tcpMaxRetrans: "tcp_timeout_max_retrans",
} as const satisfies Record<keyof Timeouts, string>;

/** The timeouts among the settings; what this kernel lacks is absent. */
export function timeoutsOf(sysctls: Readonly<Record<string, string>>): Timeouts {
  const timeouts: Timeouts = {};
  for (const [name, sysctl] of Object.entries(TIMEOUTS) as [keyof Timeouts, string][]) {
    const value = sysctls[`net.netfilter.nf_conntrack_${sysctl}`] ?? "";
    if (/^\d{1,10}$/.test(value)) timeouts[name] = Number(value);
  }
  return timeouts;
}
