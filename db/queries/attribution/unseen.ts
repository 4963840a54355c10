import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { decodeParts } from "../../details.ts";
import { type OwnerWords, readOwners } from "../../facts/words.ts";
import { SegmentError } from "../../segment.ts";
import { MAX_UNSEEN } from "../stock.ts";

/** Details of reports no tick has seen that are read for one answer; a node has some kB of them between two ticks. */
export const MAX_BYTES = 4_000_000;
/** Details decoded between two turns of the event loop. */
const DETAILS_A_TURN = 16;

/** What the report of a window that began then says of owners. */
export type Said = { at: number; words: OwnerWords };
export type NodeSaid = { clusterId: number; nodeId: number; said: Said[] };

/** Reports up to an id, and what those of them say of owners that no tick has taken over yet. */
export type Unseen = {
  /** Id of the last report that counts for the answer. */
  until: number;
  said: readonly NodeSaid[];
  /** From when on it is not known what a node said, because there was too much to read; by node. */
  unknownFrom: ReadonlyMap<number, number>;
  /** Begin of the first window of a cluster that no tick has seen; infinite where there is none. */
  firstOf: (clusterId: number) => number;
};

type NodeRow = { nodeId: number; first: number; bytes: number; ids: string };

/** What is to be known beside the owners table of these nodes. */
export async function unseenOf(db: Db, nodeIds: readonly number[]): Promise<Unseen> {
  const [states, nodes, clusters] = await db.batch([
    db.all<{ until: number; seen: number }>(sql`
      select coalesce(max(id), 0) as until, coalesce((select max(seen) from upkeep), 0) as seen from segments`),
    db.all<NodeRow>(sql`
      select node_id as nodeId, min(start) as first, sum(length(details)) as bytes, json_group_array(id) as ids
      from segments where ${isUnseen} and node_id in (select value from json_each(${JSON.stringify(nodeIds)}))
      group by node_id`),
    db.all<{ clusterId: number; first: number }>(sql`
      select cluster_id as clusterId, min(start) as first from segments where ${isUnseen} group by cluster_id`),
  ]);
  const { until, seen } = states[0] ?? { until: 0, seen: 0 };
  const isBehind = until - seen > MAX_UNSEEN;
  const unknownFrom = new Map<number, number>(isBehind ? nodeIds.map((nodeId) => [nodeId, 0]) : []);
  const ids: number[] = [];
  let bytes = 0;
  for (const node of isBehind ? [] : nodes) {
    bytes += node.bytes;
    if (bytes > MAX_BYTES) unknownFrom.set(node.nodeId, node.first);
    else ids.push(...(JSON.parse(node.ids) as number[]));
  }
  return {
    until,
    said: [...(await saidIn(db, ids)).values()],
    unknownFrom,
    firstOf: (id) =>
      isBehind ? 0 : (clusters.find(({ clusterId }) => clusterId === id)?.first ?? Number.POSITIVE_INFINITY),
  };
}

/** Where very many wait, not all are looked at. */
const isUnseen: SQL = sql`id > coalesce((select max(seen) from upkeep), 0)
  and id <= coalesce((select max(seen) from upkeep), 0) + ${MAX_UNSEEN}`;

type SaidRow = { clusterId: number; nodeId: number; at: number; details: ArrayBuffer | number[] };

async function saidIn(db: Db, ids: readonly number[]): Promise<Map<number, NodeSaid>> {
  const said = new Map<number, NodeSaid>();
  if (ids.length === 0) return said;
  const rows = await db.all<SaidRow>(sql`
    select cluster_id as clusterId, node_id as nodeId, start as at, details
    from json_each(${JSON.stringify(ids)}) w cross join segments g on g.id = w.value
    where details is not null order by g.id`);
  for (const [i, { clusterId, nodeId, at, details }] of rows.entries()) {
    if (i % DETAILS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    const words = ownersIn(new Uint8Array(details));
    const others = said.get(nodeId);
    if (words && others) others.said.push({ at, words });
    else if (words) said.set(nodeId, { clusterId, nodeId, said: [{ at, words }] });
  }
  return said;
}

/** Of details that do not decode nothing is known, as a tick takes it. */
function ownersIn(details: Uint8Array): OwnerWords | undefined {
  try {
    return readOwners(decodeParts(details, ["owners"]).owners);
  } catch (error) {
    if (error instanceof SegmentError) return undefined;
    throw error;
  }
}
