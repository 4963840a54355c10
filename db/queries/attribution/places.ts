import { sql } from "drizzle-orm";
import type { Question } from "../../attribution/answer.ts";
import type { Db } from "../../client.ts";
import { storable } from "../../text.ts";
import type { AddressPlace } from "../node-addresses.ts";
import { HOUR, SLOT_MS } from "../../tiers.ts";
import { MAX_WINDOW_MS } from "../reports.ts";

/** A bridge has the same address on each node (172.17.0.1): more are not asked for one answer. */
export const MAX_NODES_ASKED = 16;

/** What is to be known of a node before it is asked. */
export type AskedNode = {
  clusterId: number;
  nodeId: number;
  name: string;
  blind: readonly string[];
  /** End of its latest window; null where it has none any more. */
  lastEnd: number | null;
  /** Some of its traffic is translated where conntrack does not see it. */
  bypassed: boolean;
};

/** So long a node that is silent may still have the address; after that it is taken to be gone, though nobody retired it. */
export const MAY_HAVE_MS = 86_400_000;

/** A node to ask; `left`: it has the address no more, and nobody knows since when, nor who does. */
export type PlaceToAsk = AddressPlace & { left?: boolean | undefined };

/**
 * Nodes that had the address around the moment asked for, or else those that had it nearest to it: one whose agent is away since
 * is to be named. And those that may have it, though they said so only before or after. Those that put it in others' place first.
 */
export function placesToAsk(places: readonly AddressPlace[], { at, toleranceMs }: Question): PlaceToAsk[] {
  const far = ({ since, until }: AddressPlace) => Math.max(since - at, at - until, 0);
  const limit = Math.max(toleranceMs + MAX_WINDOW_MS, Math.min(...places.map(far)));
  const near = places.filter((place) => far(place) <= limit);
  const owns = Map.groupBy(
    near.filter(({ own }) => own),
    ({ clusterId }) => clusterId,
  );
  const may = places.filter(
    (place) => far(place) > limit && mayHaveIt(place, owns.get(place.clusterId) ?? [], at),
  );
  const asked = [...near, ...may];
  const listed = new Set(asked.flatMap((place) => (place.listed ? [place.clusterId] : [])));
  return asked
    .map((place) => ({ ...place, left: place.own && !place.listed && !listed.has(place.clusterId) }))
    .toSorted(
      (a, b) => rank(b) - rank(a) || b.until - a.until || a.clusterId - b.clusterId || a.nodeId - b.nodeId,
    );
}

/** @param owns those of its cluster that listed it as their own at that time */
function mayHaveIt(place: AddressPlace, owns: readonly AddressPlace[], at: number): boolean {
  const { since, until, own, listed, stays } = place;
  // It has it now: the one that had it then may have lost it to this one before.
  if (since > at) return listed === true && owns.length > 0 && !owns.some((one) => one.listed);
  if (!stays || at - until > MAY_HAVE_MS) return false;
  const [only] = owns;
  const isTaken = own && owns.length === 1 && only !== undefined && only.since >= until - SLOT_MS[HOUR];
  return !isTaken;
}

const rank = ({ nat, own }: AddressPlace): number => 2 * Number(nat) + Number(own);

type Row = Omit<AskedNode, "blind" | "bypassed"> & { blind: string; bypassed: number | null };

/** What is known of nodes, by id. */
export async function askedNodes(db: Db, nodeIds: readonly number[]): Promise<Map<number, AskedNode>> {
  const rows = await db.all<Row>(sql`
    select n.id as nodeId, n.cluster_id as clusterId, n.name, n.blind,
      (select end from samples where cluster_id = n.cluster_id and tier = 0 and node_id = n.id
        order by start desc, boot desc, sequence desc limit 1) as lastEnd,
      (select c.content ->> 'ciliumBpf' from node_settings s join settings c on c.id = s.settings_id
        where s.cluster_id = n.cluster_id and s.node_id = n.id order by s.at desc limit 1) as bypassed
    from json_each(${JSON.stringify(nodeIds)}) w cross join nodes n on n.id = w.value`);
  return new Map(
    rows.map(({ blind, bypassed, ...row }) => [
      row.nodeId,
      { ...row, blind: JSON.parse(blind) as string[], bypassed: bypassed === 1 },
    ]),
  );
}

/** The nodes of that name, one a cluster at most. */
export async function nodesNamed(
  db: Db,
  clusterIds: readonly number[],
  name: string,
): Promise<{ clusterId: number; nodeId: number }[]> {
  return db.all<{ clusterId: number; nodeId: number }>(sql`
    select n.cluster_id as clusterId, n.id as nodeId
    from json_each(${JSON.stringify(clusterIds)}) c
    cross join nodes n on n.cluster_id = c.value and n.name = ${storable(name)}`);
}
