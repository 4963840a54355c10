import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import type { Look, NodeWindow } from "../../look.ts";
import { AGGREGATES, TEN_MINUTES } from "../../tiers.ts";
import type { LookQuery } from "../look.ts";
import { loadSlotFlows } from "./flows.ts";
import { hoursOf } from "./hours-cache.ts";
import { foldedTrend } from "./trend.ts";
import { SLOT_ROW, toWindow } from "./window-row.ts";
import type { WindowTuple } from "./window-row.ts";
import { MAX_PEERS } from "./windows.ts";

/** How far back a look has the slots of its node, which are twenty times as long as windows. */
export const RECENT_SLOTS_MS = 3_600_000;

/** Joins the slots of ten minutes of the node `n`: `s` has its gauges and `c` its counts. */
export const slotsOfNode = (clusterId: number): SQL => sql`
  cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${TEN_MINUTES} and s.node_id = n.id
    and s.boot = 0 and s.sequence = ${AGGREGATES.max}
  left join samples c on c.cluster_id = ${clusterId} and c.tier = ${TEN_MINUTES} and c.node_id = n.id
    and c.start = s.start and c.boot = 0 and c.sequence = ${AGGREGATES.sum}`;

/** As loadLook, of a slot of ten minutes in the place of a window; what only windows tell is not known. */
export async function loadSlotLook(
  db: Db,
  { clusterId, window, need, cache, onDamaged }: LookQuery,
): Promise<Look> {
  const { nodeId, from, to } = window;
  const ofSlot = { clusterId, window, medianFrom: need.flows?.medianFrom, onDamaged };
  const [recent, trend, hours, peers, flows] = await Promise.all([
    slotWindows(db, clusterId, sql`n.id = ${nodeId}`, { from: from - RECENT_SLOTS_MS, to: from }),
    need.trend && foldedTrend(db, clusterId, window),
    need.hours && hoursOf(db, { clusterId, nodeIds: [nodeId], at: to, cache }),
    need.peers && slotWindows(db, clusterId, sql`n.id <> ${nodeId}`, { from, to: from + 1 }),
    need.flows && loadSlotFlows(db, ofSlot),
  ]);
  return { window, recent, trend, hours: hours?.(nodeId), peers, flows };
}

async function slotWindows(
  db: Db,
  clusterId: number,
  which: SQL,
  { from, to }: { from: number; to: number },
): Promise<NodeWindow[]> {
  const rows = await db.all<{ row: string }>(sql`
    select ${SLOT_ROW} as row
    from nodes n ${slotsOfNode(clusterId)}
    where n.cluster_id = ${clusterId} and ${which} and s.start >= ${from} and s.start < ${to}
    order by n.id, s.start limit ${MAX_PEERS}`);
  return rows.map(({ row }) => toWindow(JSON.parse(row) as WindowTuple));
}
