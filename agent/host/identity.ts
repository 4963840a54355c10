import { readFile } from "node:fs/promises";
import { type NetworkInterfaceInfo, networkInterfaces, release } from "node:os";
import { join } from "node:path";
import type { ReportNode } from "../../api/wire.ts";
import { VERSION } from "../version.ts";

/** The wire takes no more addresses than this; a node that has more keeps those of its first interfaces. */
const MAX_ADDRESSES = 256;

/** Who this node is now: its addresses may change while the agent runs. */
export async function readIdentity(name: string, proc = "/proc"): Promise<ReportNode> {
  const bootId = await readFile(join(proc, "sys/kernel/random/boot_id"), "utf8");
  return {
    name,
    bootId: bootId.trim(),
    agent: VERSION,
    kernel: release(),
    addresses: nodeAddresses(networkInterfaces()),
  };
}

/** Addresses others can see this node by: not loopback, and no link-local IPv6, which names a wire, not a node. */
export function nodeAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal && !/^fe[89ab]/.test(entry.address))
    .map((entry) => entry.address);
  return [...new Set(addresses)].slice(0, MAX_ADDRESSES);
}
