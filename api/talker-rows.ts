import type * as z from "zod";
import { fieldsOf, NOBODY } from "../db/fold/keys.ts";
import type { Owner } from "../db/fold/table.ts";
import { NAT_CLASSES } from "../db/segment.ts";
import { BETWEEN } from "../db/fold/table.ts";
import type { By } from "../db/talkers/source.ts";
import { protocolName } from "./protocol.ts";
import type { Rows } from "./top.ts";

/** Who held an address of a peer. */
export type HolderOf = (address: string) => Owner | undefined;
type Names = { [B in By]: Omit<z.infer<(typeof Rows)[B]>, "cluster" | "share"> };

/** What a row is, by its key. */
const NAMES: { [B in By]: (key: string, holderOf: HolderOf) => Names[B] } = {
  pod: (key) => {
    const { name, kind, node, ...owner } = fieldsOf("owner", key);
    return { pod: name, kind, node, ...workloadOf(owner) };
  },
  workload: (key) => workloadOf(fieldsOf("workload", key)),
  namespace: (key) => fieldsOf("namespace", key),
  node: (key) => fieldsOf("node", key),
  address: (key) => fieldsOf("address", key),
  peer: (key, holderOf) => {
    const { peer, port, protocol } = fieldsOf("peer", key);
    return { peer, port, protocol: protocolName(protocol), peerOwner: ownerOf(holderOf(peer)) };
  },
  flow: (key, holderOf) => {
    const { source, peer, port, protocol, nat, natAddress, zone, node, ...owner } = fieldsOf("flow", key);
    return {
      source,
      peer,
      peerPort: port,
      protocol: protocolName(protocol),
      nat: NAT_CLASSES[nat] ?? "none",
      natAddress: natAddress || null,
      zone,
      owner: ownerOf(owner),
      node,
      peerOwner: ownerOf(holderOf(peer)),
    };
  },
};

export const namesOf = (by: By, key: string, holderOf: HolderOf): Names[By] => NAMES[by](key, holderOf);

/** The address of a row's peer, where it has one. */
export function peerIn(by: By, key: string): string | undefined {
  const parts = key.split(BETWEEN);
  if (by === "peer") return parts[0];
  return by === "flow" ? parts[1] : undefined;
}

export const workloadOf = ({
  namespace,
  workloadKind,
  workload,
}: Pick<Owner, "namespace" | "workloadKind" | "workload">) => ({
  namespace: namespace || null,
  workloadKind: workloadKind || null,
  workload: workload || null,
});

export function ownerOf(owner: Owner = NOBODY) {
  return owner.kind === "" ? null : { kind: owner.kind, name: owner.name, ...workloadOf(owner) };
}
