import type * as z from "zod";
import type { Db } from "../db/client.ts";
import { availableOf } from "../db/ports/occupied.ts";
import { exhaustedAt, perMinute } from "../db/ports/trend.ts";
import type { Point } from "../db/ports/trend.ts";
import { holdersIn } from "../db/queries/facts.ts";
import { ownersOf } from "../db/queries/peer-owners.ts";
import { fillOf, trendsOf } from "../db/queries/ports.ts";
import type { OccupiedRow } from "../db/queries/ports.ts";
import { toTime, toTimeOrNull } from "./contract.ts";
import type { PortRow } from "./ports.ts";
import { protocolName } from "./protocol.ts";
import { ownerOf } from "./talker-rows.ts";

/** Of each row, the dump itself the last. */
const POINTS = 10;

type Asked = { at: number; sinceMs: number };
type Row = z.infer<typeof PortRow>;

/** Rows of one cluster with owners and trend. */
export async function portRows(
  db: Db,
  cluster: { id: number; name: string },
  rows: readonly OccupiedRow[],
  { at, sinceMs }: Asked,
): Promise<Row[]> {
  if (rows.length === 0) return [];
  const trends = await trendsOf(db, cluster.id, rows, { sinceMs, points: POINTS });
  const holder = await holdersOf(db, cluster.id, rows);
  return rows.map((row) => {
    const { natAddress, peer, peerPort, zone, protocol, used, sources, shares, node, takenAt } = row;
    const points = trends.get(row) ?? [];
    const listed = shares.reduce((sum, share) => sum + share.used, 0);
    return {
      cluster: cluster.name,
      node,
      natAddress,
      protocol: protocolName(protocol),
      peer,
      peerPort,
      zone,
      peerOwner: ownerOf(holder.ofPeer(peer)),
      used,
      available: availableOf(protocol),
      utilisation: fillOf(row),
      sources,
      shares: shares.map((share) => ({
        source: share.source,
        owner: ownerOf(holder.ofSource(row, share.source)),
        used: share.used,
        share: used > 0 ? share.used / used : 0,
      })),
      others: { sources: Math.max(0, sources - shares.length), used: Math.max(0, used - listed) },
      trend: { points, perMinute: perMinute(points) ?? null },
      ...exhaustion(points, availableOf(protocol), at),
      takenAt: toTime(takenAt),
      interrupted: row.interrupted,
    };
  });
}

function exhaustion(points: readonly Point[], available: number, at: number) {
  const then = exhaustedAt(points, available) ?? null;
  return {
    exhaustedAt: toTimeOrNull(then),
    secondsToExhaustion: then === null ? null : Math.max(0, Math.round((then - at) / 1000)),
  };
}

/** Of a source, what its node says goes first; addresses it does not know are looked for in the cluster, as those of peers are. */
async function holdersOf(db: Db, clusterId: number, rows: readonly OccupiedRow[]) {
  const taken = rows.map(({ takenAt }) => takenAt);
  const range = { from: Math.min(...taken), to: Math.max(...taken) + 1 };
  const heldBy = await holdersIn(db, clusterId, { ...range, nodeIds: rows.map(({ nodeId }) => nodeId) });
  const holders = new Map([...new Set(rows.map(({ nodeId }) => nodeId))].map((id) => [id, heldBy(id)]));
  const own = ({ nodeId, takenAt }: OccupiedRow, address: string) =>
    holders.get(nodeId)?.(address, takenAt, takenAt + 1);
  const strange = new Set([
    ...rows.map(({ peer }) => peer),
    ...rows.flatMap((row) => row.shares.map(({ source }) => source).filter((source) => !own(row, source))),
  ]);
  const others = await ownersOf(db, clusterId, [...strange], range.to - 1);
  return {
    ofPeer: (address: string) => others.get(address),
    ofSource: (row: OccupiedRow, address: string) => own(row, address) ?? others.get(address),
  };
}
