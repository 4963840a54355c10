import type { Window } from "../../../agent/window.ts";
import type { Holders, Owner } from "../../../db/fold/table.ts";
import { type Cluster, textOf } from "../cluster.ts";
import type { Life } from "../lives.ts";

const NONE = { namespace: "", workloadKind: "", workload: "" };

const ownerOf = ({ owner }: Pick<Life, "owner">): Owner => ({
  kind: owner.kind,
  namespace: owner.namespace ?? "",
  name: owner.name,
  workloadKind: owner.workloadKind ?? "",
  workload: owner.workload ?? "",
});

/** Who held the addresses of a node, by the model: what its reports say, which the service learns from them. */
export function holdersOf(cluster: Cluster, node: number): Holders {
  const host: Owner = { ...NONE, kind: "host", name: cluster.nodeName(node) };
  const own = textOf(cluster.nodeAddress(node));
  const windows = new Map<string, Map<string, Life>>();
  return (address, from, to) => {
    if (address === own) return host;
    const key = `${from} ${to}`;
    const held = windows.get(key) ?? longest(cluster, node, { from, to });
    windows.set(key, held);
    const life = held.get(address);
    return life && ownerOf(life);
  };
}

/** Who held each address for longest in the window. */
function longest(cluster: Cluster, node: number, { from, to }: Window): Map<string, Life> {
  const held = new Map<string, Life>();
  const within = ({ since, until }: Life) => Math.min(until, to) - Math.max(since, from);
  for (const life of cluster.lives(node).during(from, to))
    for (const address of cluster.addressesOf(life)) {
      const other = held.get(address);
      if (!other || within(life) > within(other)) held.set(address, life);
    }
  return held;
}
