import { readFile } from "node:fs/promises";
import { type NetworkInterfaceInfo, networkInterfaces, release } from "node:os";
import { join } from "node:path";
import type { ReportNode } from "../../api/wire.ts";
import { VERSION } from "../version.ts";

/** The wire takes no more addresses than this; a node that has more keeps those of its first interfaces. */
const MAX_ADDRESSES = 256;
/** For a process that may not see /proc: its reports are still told apart by their sequence. */
const UNKNOWN_BOOT = "unknown";

/** Who this node is now: its addresses may change while the agent runs. */
export async function readIdentity(name: string, proc = "/proc"): Promise<ReportNode> {
  const bootId = await readFile(join(proc, "sys/kernel/random/boot_id"), "utf8").catch(() => "");
  return {
    name,
    bootId: bootId.trim() || UNKNOWN_BOOT,
    agent: VERSION,
    kernel: release(),
    addresses: nodeAddresses(interfaces()),
  };
}

/** They come through netlink, which a confined process may not open; a report without them is still a report. */
function interfaces(): NodeJS.Dict<NetworkInterfaceInfo[]> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

/** Addresses others can see this node by: not loopback, and no link-local IPv6, which names a wire, not a node. */
export function nodeAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && !/^fe[89ab]/.test(entry.address))
    .map((entry) => entry.address);
  return [...new Set(addresses)].slice(0, MAX_ADDRESSES);
}
