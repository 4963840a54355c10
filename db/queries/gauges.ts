import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { LAST_SEEN, stateAt, WITH_LATEST_WINDOW } from "./nodes.ts";
import type { NodeState } from "./nodes.ts";

/** What a node's latest window says, and how old that is. Null where nobody knows. Times in epoch ms. */
export type NodeGauges = { name: string; state: NodeState; lastSeenAt: number } & Record<
  keyof typeof COLUMNS,
  number | null
>;

/** Where each stands in samples. */
const COLUMNS = {
  windowFrom: "start",
  windowTo: "end",
  count: "count",
  entries: "entries",
  limit: "max",
  unreplied: "unreplied",
  snat: "nat_snat",
  both: "nat_both",
  opened: "opened",
  closed: "closed",
  insertFailed: "stat_insert_failed",
  drop: "stat_drop",
  earlyDrop: "stat_early_drop",
  invalid: "stat_invalid",
  overruns: "overruns",
  tableFull: "table_full",
} as const;
const NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const VALUES = sql.raw(NAMES.map((name) => `s."${COLUMNS[name]}"`).join(", "));

/**
 * The nodes of a cluster that were seen since, retired ones left out, by name. A row comes as one JSON text: as columns of
 * its own, a driver takes three times as long.
 */
export async function nodeGauges(
  db: Db,
  clusterId: number,
  { since, now, limit }: { since: number; now: number; limit: number },
): Promise<NodeGauges[]> {
  const rows = await db.all<{ row: string }>(sql`
    select json_array(name, state, lastSeenAt, json(v)) as row from (
      select n.name, ${stateAt(now)} as state, ${LAST_SEEN} as lastSeenAt, json_array(${VALUES}) as v
      from nodes n ${WITH_LATEST_WINDOW}
      where n.cluster_id = ${clusterId}
    ) where state <> 'retired' and lastSeenAt > ${since}
    order by name limit ${limit}`);
  return rows.map(({ row }) => {
    const [name, state, lastSeenAt, values] = JSON.parse(row) as [
      string,
      NodeState,
      number,
      (number | null)[],
    ];
    const gauges = Object.fromEntries(NAMES.map((of, i) => [of, values[i] ?? null]));
    return { name, state, lastSeenAt, ...gauges } as NodeGauges;
  });
}
