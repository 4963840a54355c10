import { sql } from "drizzle-orm";
import { encodeBucket } from "../../db/bucket.ts";
import type { Db } from "../../db/client.ts";
import { foldWindows } from "../../db/fold.ts";
import type { Holders } from "../../db/fold/table.ts";
import { HOUR, SLOT_MS } from "../../db/tiers.ts";
import { aSegment, type GroupRow } from "./stored-report.ts";

/** The flows of a node in an hour, as if folded from one window; nobody is known to hold an address, unless said. */
export async function writeFlows(
  db: Db,
  { clusterId, nodeId, start }: { clusterId: number; nodeId: number; start: number },
  rows: readonly GroupRow[],
  holders: Holders = () => undefined,
): Promise<void> {
  const slot = { start, end: start + SLOT_MS[HOUR] };
  const window = { start, end: start + 30_000, segment: aSegment(rows) };
  const data = encodeBucket(foldWindows(slot, [window], holders));
  await db.run(sql`
    insert into buckets (cluster_id, tier, node_id, start, data)
    values (${clusterId}, ${HOUR}, ${nodeId}, ${start}, ${data})`);
}
