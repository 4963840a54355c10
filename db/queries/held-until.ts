import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { RETIRED, WITH_LATEST_WINDOW } from "./nodes.ts";

/** A node that said nothing for so long says no more who holds its addresses: others may hold them by now. */
export const GONE_AFTER_MS = 3_600_000;

/** When the latest window of `n` ended, or at least began: that which says so of `o` may be the last that is known of it. */
const LAST_END = sql.raw(`max(o.since + 1, o.said_at, coalesce(s.end, (
    select end from samples
    where cluster_id = n.cluster_id and tier = 3 and node_id = n.id
    order by start desc limit 1), n.described_at))`);

/**
 * When the holding `o` ended, as known at `now`: null where it is held still. Where its node was retired, or said nothing since
 * GONE_AFTER_MS, with the node's last window.
 */
export const heldUntil = (now: number): SQL => sql`iif(o.until is not null or o.node_id = 0, o.until, (
  select iif(${RETIRED} or ${LAST_END} < ${now - GONE_AFTER_MS}, ${LAST_END}, null)
  from nodes n ${WITH_LATEST_WINDOW}
  where n.id = o.node_id))`;
