import { isLocalAddress } from "../address.ts";
import { holderOf } from "../facts/holders.ts";
import type { Held } from "../facts/holders.ts";
import type { Owner } from "../fold/table.ts";
import type { Party } from "../look.ts";

/** The same owner whatever its address; of what nobody is known to hold, each address is one. */
export const keyOfParty = ({ kind, namespace = "", name, address }: Party): string =>
  kind === "address" ? address : [kind, namespace, name].join("\0");

/** "" of an owner is what it does not say. */
export function partyOf(address: string, owner: Owner | undefined): Party {
  if (!owner || owner.kind === "") return { kind: "address", name: address, address };
  const { kind, name, namespace, workloadKind, workload } = owner;
  const words = Object.entries({ namespace, workloadKind, workload }).filter(([, word]) => word !== "");
  return { kind, name, ...Object.fromEntries(words), address };
}

/** Who had addresses in a window, as far as was looked. */
export type Known = {
  /** What the node itself says, and what all say of Services. */
  own: Held;
  services: Held;
  /** What other nodes say. */
  others: Held;
  /** Names of nodes that had the address for their own. */
  nodes: ReadonlyMap<string, readonly string[]>;
};

export type Place = { node: string; from: number; to: number };

/** Who sends from an address on that node. */
export function sourceParty(address: string, known: Known, { node, ...range }: Place): Party {
  return hostParty(address, known, node) ?? partyOf(address, holderOf(known, address, range));
}

/** The node, where the address is its own: there Pods of the host's network cannot be told apart from it. */
export function hostParty(address: string, { nodes }: Pick<Known, "nodes">, node: string): Party | undefined {
  const isOwn = isLocalAddress(address) || nodes.get(address)?.includes(node);
  return isOwn ? { kind: "host", name: node, address } : undefined;
}

/** Who is behind an address that the node reaches; undefined where it is nobody of the cluster. */
export function peerParty(address: string, known: Known, { node, ...range }: Place): Party | undefined {
  const host = hostParty(address, known, node);
  if (host) return host;
  const owner =
    holderOf(known, address, range) ?? holderOf({ own: undefined, services: known.others }, address, range);
  if (owner) return partyOf(address, owner);
  // What several nodes have for themselves, such as the address of a bridge, names none of them.
  const nodes = known.nodes.get(address) ?? [];
  const [name] = nodes;
  return nodes.length === 1 && name !== undefined ? { kind: "host", name, address } : undefined;
}
