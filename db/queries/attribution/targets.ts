import { TOLD_LATE_MS } from "../../attribution/holders.ts";
import type { Db } from "../../client.ts";
import type { LeaseQuestion, Place } from "../attribution.ts";
import { translatorsIn } from "../node-addresses.ts";
import { ownerships, ownersNamed } from "../owners.ts";
import { MAX_NODES_ASKED, nodesNamed } from "./places.ts";

/** Leases of one source on one node within [from, to). */
export type Target = { clusterId: number; nodeId: number; source: string; from: number; to: number };

/** Entries of a Pod that is gone are still in the table: most of them no longer than this. */
const LINGER_MS = 600_000;

type Held = { clusterId: number; nodeId: number; address: string; since: number; until: number | null };

/** Where to look for what is asked; `tooMany`: there are more nodes than are asked. */
export async function targetsOf(
  db: Db,
  place: Place,
  question: LeaseQuestion,
): Promise<{ targets: Target[]; tooMany: boolean }> {
  const named = place.node === undefined ? undefined : await nodesNamed(db, idsOf(place), place.node);
  const held = (await Promise.all(idsOf(place).map((id) => heldIn(db, id, question, place.now)))).flat();
  const here = named ? held.filter((one) => named.some(({ nodeId }) => nodeId === one.nodeId)) : held;
  if (here.length > 0 || question.source === undefined)
    return { targets: joined(here, question), tooMany: false };
  const nodes = named ?? (await translators(db, place, question));
  return {
    targets: nodes.slice(0, MAX_NODES_ASKED).map(({ clusterId, nodeId }) => ({
      clusterId,
      nodeId,
      source: question.source ?? "",
      ...rangeOf(question),
    })),
    tooMany: nodes.length > MAX_NODES_ASKED,
  };
}

const idsOf = ({ clusters }: Place): number[] => clusters.map(({ id }) => id);
const rangeOf = ({ from, to }: LeaseQuestion) => ({ from, to });

/** Who of the cluster held what is asked for: the addresses of a Pod, or the nodes of an address. */
async function heldIn(
  db: Db,
  clusterId: number,
  { pod, namespace, source, from, to }: LeaseQuestion,
  now: number,
): Promise<Held[]> {
  if (pod !== undefined) {
    const rows = await ownersNamed(db, clusterId, { namespace, name: pod, from, to });
    return rows
      .filter(({ address }) => source === undefined || address === source)
      .map(({ nodeId, address, since, until }) => ({ clusterId, nodeId, address, since, until }));
  }
  if (source === undefined) return [];
  const rows = await ownerships(db, clusterId, { address: source, now }, { limit: MAX_HOLDINGS });
  const held = rows.filter(
    ({ node, since, until }) => node !== null && since < to && (until ?? to) + LINGER_MS > from,
  );
  const nodes = new Map<string, number>();
  for (const name of new Set(held.map(({ node }) => node ?? "")))
    for (const { nodeId } of await nodesNamed(db, [clusterId], name)) nodes.set(name, nodeId);
  return held.flatMap(({ node, since, until }) => {
    const nodeId = nodes.get(node ?? "");
    return nodeId === undefined ? [] : [{ clusterId, nodeId, address: source, since, until }];
  });
}

/** The latest holdings of one address that are looked at. */
const MAX_HOLDINGS = 1000;

/** Of each node and source one range that holds all of its holdings. */
function joined(held: readonly Held[], { from, to }: LeaseQuestion): Target[] {
  const targets = new Map<string, Target>();
  for (const { clusterId, nodeId, address, since, until } of held) {
    const begin = Math.max(from, since - TOLD_LATE_MS);
    const end = Math.min(to, (until ?? to) + LINGER_MS);
    if (begin >= end) continue;
    const key = `${nodeId} ${address}`;
    const known = targets.get(key);
    targets.set(key, {
      clusterId,
      nodeId,
      source: address,
      from: Math.min(begin, known?.from ?? begin),
      to: Math.max(end, known?.to ?? end),
    });
  }
  return [...targets.values()];
}

/** Whoever is behind a source that nobody holds, its packets get the address of a node that translates. */
async function translators(db: Db, place: Place, { from, to }: LeaseQuestion) {
  const nodes: { clusterId: number; nodeId: number }[] = [];
  for (const clusterId of idsOf(place))
    for (const nodeId of await translatorsIn(db, clusterId, { from, to, limit: MAX_NODES_ASKED + 1 }))
      nodes.push({ clusterId, nodeId });
  return nodes;
}
