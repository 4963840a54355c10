import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { decodeBucket } from "../../bucket.ts";
import type { Db } from "../../client.ts";
import { factsOfBucket, factsOfSegment } from "../../look/flow-facts.ts";
import type { FlowFacts } from "../../look/flow-facts.ts";
import { flowsOf } from "../../look/flows.ts";
import type { Flows, NodeWindow } from "../../look.ts";
import { hostParty, partyOf, peerParty, sourceParty } from "../../look/parties.ts";
import { decodeSegment } from "../../segment.ts";
import { TEN_MINUTES } from "../../tiers.ts";
import { withDayMedians } from "./day-medians.ts";
import { decoded } from "./decoded.ts";
import { knownParties } from "./known-parties.ts";

export type FlowsQuery = {
  clusterId: number;
  window: NodeWindow;
  /** Day medians of owners with so many entries. */
  medianFrom?: number | undefined;
  onDamaged?: (() => void) | undefined;
};

type Bytes = ArrayBuffer | number[];

/** The window's segment. */
export const segmentOf = (clusterId: number, { nodeId, from, to, receivedAt }: NodeWindow): SQL => sql`
  from samples s
  cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
    and g.sequence = s.sequence
  where s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = ${nodeId} and s.start = ${from}
    and s."end" = ${to} and s.received_at = ${receivedAt}
  limit 1`;

/** Who uses the table; undefined where the window does not say. */
export async function loadFlows(db: Db, query: FlowsQuery): Promise<Flows | undefined> {
  const { clusterId, window, onDamaged } = query;
  const [row] = await db.all<{ data: Bytes }>(sql`select g.data ${segmentOf(clusterId, window)}`);
  const bytes = row && new Uint8Array(row.data);
  if (!bytes?.length) return undefined;
  const segment = decoded(() => decodeSegment(bytes), onDamaged);
  return segment && withParties(db, query, factsOfSegment(segment));
}

/** The same of a slot of ten minutes. */
export async function loadSlotFlows(db: Db, query: FlowsQuery): Promise<Flows | undefined> {
  const { clusterId, window, onDamaged } = query;
  const [row] = await db.all<{ data: Bytes }>(sql`
    select data from buckets
    where cluster_id = ${clusterId} and tier = ${TEN_MINUTES} and node_id = ${window.nodeId}
      and start = ${window.from}`);
  const bucket = row && decoded(() => decodeBucket(new Uint8Array(row.data), ["source", "group"]), onDamaged);
  const facts = bucket && factsOfBucket(bucket);
  if (!facts) return undefined;
  const { entries = facts.entries, unreplied = facts.unreplied } = window;
  return withParties(db, query, { ...facts, entries, unreplied });
}

async function withParties(db: Db, query: FlowsQuery, facts: FlowFacts): Promise<Flows | undefined> {
  const { clusterId, window, medianFrom, onDamaged } = query;
  if (window.takenAt === undefined) return undefined;
  const place = { clusterId, nodeId: window.nodeId, node: window.node, from: window.from, to: window.to };
  const sources = await knownParties(
    db,
    place,
    facts.sources.map(({ address }) => address).concat(facts.groups.map(({ address }) => address)),
  );
  const hostOf = (address: string) => hostParty(address, sources, window.node);
  const found = flowsOf(facts, window.takenAt, ({ address, owner }) =>
    owner ? (hostOf(address) ?? partyOf(address, owner)) : sourceParty(address, sources, place),
  );
  const peers = await knownParties(
    db,
    place,
    found.flows.map(({ peer }) => peer),
  );
  const flows = found.flows.map((row) => {
    const party = peerParty(row.peer, peers, place);
    return party ? { ...row, peerParty: party } : row;
  });
  const whole = { ...found, flows };
  if (medianFrom === undefined) return whole;
  return withDayMedians(db, whole, { ...place, at: window.to, medianFrom, hostOf, onDamaged });
}
