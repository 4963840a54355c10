import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { SLOT_COLUMNS } from "../../look/slots.ts";
import type { SlotTuple } from "../../look/slots.ts";
import type { Tier } from "../../tiers.ts";

/** All rows of a node as one text: a driver takes longer to hand over a row than to read it. */
export type SlotRows = { nodeId: number; rows: string };

const TUPLE = sql.raw(
  `json_array(f.start, f.sequence, f.max, f.windows, f.covered_ms, ${SLOT_COLUMNS.map((name) => `f.${name}`).join(", ")})`,
);

/** Rows of samples of these nodes' buckets that begin in any of the ranges. */
export const slotRows = (
  clusterId: number,
  { tier, nodeIds, ranges }: { tier: Tier; nodeIds: readonly number[]; ranges: readonly [number, number][] },
): SQL => sql`
  select f.node_id as nodeId, json_group_array(${TUPLE}) as rows
  from json_each(${JSON.stringify(nodeIds)}) n
  cross join json_each(${JSON.stringify(ranges)}) r
  cross join samples f on f.cluster_id = ${clusterId} and f.tier = ${tier} and f.node_id = n.value
    and f.start >= r.value ->> 0 and f.start < r.value ->> 1
  group by f.node_id`;

export const readSlotRows = ({ rows }: SlotRows): SlotTuple[] => JSON.parse(rows) as SlotTuple[];
