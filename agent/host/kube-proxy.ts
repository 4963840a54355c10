import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../../api/wire.ts";
import { EINVAL, type Libc, loadLibc } from "../sources/libc.ts";
import { dumpNetfilter, Refusal } from "./nfnetlink.ts";

/** The dummy interface that holds the addresses of services (pkg/proxy/ipvs); no other director makes one of that name. */
const IPVS_INTERFACE = /^\s*kube-ipvs0:/m;
/** The table of the nftables mode (pkg/proxy/nftables), in the families ip and ip6. */
const NFT_TABLE = "kube-proxy";
/** The chain all services begin in (pkg/proxy/iptables); the kubelet makes chains named KUBE- too, but never this one. */
const IPTABLES_CHAIN = "KUBE-SERVICES";

/** Subsystem 10 of nfnetlink: NFT_MSG_GETTABLE and NFT_MSG_GETCHAIN, and where their answers have names (nf_tables.h). */
const NFT_GETTABLE = 0xa01;
const NFT_GETCHAIN = 0xa04;
const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN_NAME = 3;

/** Longest sentence of the wire. */
const MAX_SENTENCE = 500;

/** A node with ten thousand services lists its chains in half a second. */
const SAVE_TIMEOUT_MS = 5_000;
const SAVE_COMMANDS = ["iptables-legacy-save", "iptables-save"];

export interface KubeProxyDeps {
  proc?: string;
  load?: () => Promise<Libc>;
  /** Commands that print the rules of iptables, the first that is installed is asked. */
  commands?: readonly string[];
}

/** The mode of kube-proxy, absent where not every place its rules can be in was seen; and which these are. */
export interface KubeProxy {
  mode?: NonNullable<Host["kubeProxy"]>;
  unread: string[];
}

/**
 * Which rules kube-proxy keeps on this node. IPVS is looked for first, because with it there are chains of iptables too.
 */
export async function readKubeProxy({
  proc = "/proc",
  load = () => loadLibc(),
  commands = SAVE_COMMANDS,
}: KubeProxyDeps = {}): Promise<KubeProxy> {
  const places = [
    () => ipvsMode(proc),
    () => load().then(nftablesMode, unreadable),
    () => legacyMode(proc, commands),
  ];
  const unread: string[] = [];
  for (const look of places) {
    const finding = await look();
    if (typeof finding === "string") return { mode: finding, unread: [] };
    if (finding) unread.push(finding.unread);
  }
  return unread.length === 0 ? { mode: "none", unread } : { unread };
}

/** A mode; or why it cannot be known; or undefined where there is nothing of it. */
type Finding = "iptables" | "nftables" | "ipvs" | { unread: string } | undefined;

async function ipvsMode(proc: string): Promise<Finding> {
  const interfaces = await readFile(join(proc, "net/dev"), "utf8").catch(() => undefined);
  if (interfaces === undefined)
    return { unread: "kube-proxy's rules in IPVS: the interfaces cannot be read" };
  return IPVS_INTERFACE.test(interfaces) ? "ipvs" : undefined;
}

/** Tables of nft and chains of iptables-nft are the same to the kernel. */
function nftablesMode(libc: Libc): Finding {
  try {
    if (hasName(libc, NFT_GETTABLE, NFTA_TABLE_NAME, NFT_TABLE)) return "nftables";
    return hasName(libc, NFT_GETCHAIN, NFTA_CHAIN_NAME, IPTABLES_CHAIN) ? "iptables" : undefined;
  } catch (error) {
    return unreadable(error);
  }
}

/** A kernel without nftables has no rules in it. */
function unreadable(error: unknown): Finding {
  if (error instanceof Refusal && error.errno === EINVAL) return undefined;
  const why = error instanceof Error ? error.message : String(error);
  return { unread: `kube-proxy's rules in nftables: ${why}`.slice(0, MAX_SENTENCE) };
}

function hasName(libc: Libc, type: number, attribute: number, name: string): boolean {
  const wanted = Buffer.from(`${name}\0`);
  let found = false;
  dumpNetfilter(libc, type, ({ attributes }) => {
    found ||= wanted.equals(attributes.get(attribute) ?? new Uint8Array());
    return found;
  });
  return found;
}

/** The older iptables keeps its rules in tables of its own, whose chains only its command lists. */
async function legacyMode(proc: string, commands: readonly string[]): Promise<Finding> {
  const tables = await readFile(join(proc, "net/ip_tables_names"), "utf8").catch(
    ({ code }: NodeJS.ErrnoException) => (code === "ENOENT" ? "" : undefined),
  );
  if (tables === undefined)
    return { unread: `kube-proxy's rules in legacy iptables: ${proc}/net/ip_tables_names needs root` };
  if (!/^nat$/m.test(tables)) return undefined;
  for (const command of commands) {
    const answer = await prints(command, `:${IPTABLES_CHAIN} `);
    if (answer === "yes") return "iptables";
    if (answer === "no") return undefined;
    if (answer === "failed")
      return {
        unread: `kube-proxy's rules in legacy iptables: ${command} failed, or took more than five seconds`,
      };
  }
  return {
    unread: `kube-proxy's rules in legacy iptables: none of ${commands.join(", ")} is installed to list them`,
  };
}

/** Whether the command prints a line that begins so. It is not heard to its end once it did. */
function prints(command: string, beginning: string): Promise<"yes" | "no" | "failed" | "absent"> {
  return new Promise((resolve) => {
    const child = spawn(command, ["-t", "nat"], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: SAVE_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let rest = "\n";
    let found = false;
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      const text = rest + piece;
      found ||= text.includes(`\n${beginning}`);
      rest = text.slice(-beginning.length - 1);
      if (found) child.kill("SIGKILL");
    });
    child.once("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code === "ENOENT" ? "absent" : "failed"),
    );
    child.once("close", (code) => resolve(found ? "yes" : code === 0 ? "no" : "failed"));
  });
}
