import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";
import type { NodeWindow } from "../../look.ts";
import { MAX_WINDOW_MS } from "../reports.ts";
import { toWindow, WINDOW_ROW } from "./window-row.ts";
import type { WindowTuple } from "./window-row.ts";

/** A window that came, and whether it may be judged. */
export type WindowToJudge = {
  /** Of its row of segments. */
  id: number;
  clusterId: number;
  window: NodeWindow;
  /**
   * It is not to be judged: a window of the node that begins later was stored before it, or it ended more than LATE_MS before it came
   * though the node's clock is not slow, or it is shorter than MIN_JUDGED_MS, or its node or cluster is gone.
   */
  late: boolean;
  /** When the window before it ended, of those of the node that had come; undefined where none began in the PREVIOUS_MS before it. */
  previousTo?: number | undefined;
};

/** A window that ended so long before it was received is never judged. */
export const LATE_MS = 600_000;
/** Shorter windows, of which the shortest that agents make is five times as long, would cost more than they can say. */
export const MIN_JUDGED_MS = 1_000;
/** Longer than any gap that matters; before it lies, after an outage, all that is still on its way. */
export const PREVIOUS_MS = 3_600_000;

export type JudgeRow = {
  id: number;
  clusterId: number;
  start: number;
  end: number;
  late: number;
  previousTo: number | null;
  /** A WindowTuple; null where the window is gone. */
  row: string | null;
};

/** Windows in a row that come as they are made, however late by the service's clock, say that the node's clock is slow. */
const SKEW_WINDOWS = 3;

/** Whether the sample `s` and that many before it came as far apart as they are: what was held up comes faster, or once. */
const SKEWED: SQL = sql`
  select b.boot = s.boot and b.sequence = s.sequence - ${SKEW_WINDOWS}
    and 2 * abs(s.received_at - s."end" - b.received_at + b."end") <= s."end" - b."end"
  from samples b
  where b.cluster_id = s.cluster_id and b.tier = 0 and b.node_id = s.node_id and b.start < s.start
    and b.start > s.start - ${PREVIOUS_MS} and b.received_at <= s.received_at
  order by b.start desc, b.boot desc, b.sequence desc limit 1 offset ${SKEW_WINDOWS - 1}`;

/**
 * Columns of a JudgeRow, of the segment `g`, the sample `s` and the node `n`. Of windows that begin later only those near it are looked at:
 * one that was stored before it although it begins that much later makes it late by its own end.
 */
export const JUDGE_ROW: SQL = sql`
  g.id, g.cluster_id as clusterId, g.start, g."end", iif(n.id is null, null, ${WINDOW_ROW}) as row,
  n.id is null or s.start is null or s."end" < s.received_at - ${LATE_MS} and not coalesce((${SKEWED}), 0)
    or s."end" < s.start + ${MIN_JUDGED_MS} or exists (
    select 1 from samples l
    cross join segments k on k.cluster_id = l.cluster_id and k.node_id = l.node_id and k.boot = l.boot
      and k.sequence = l.sequence
    where l.cluster_id = s.cluster_id and l.tier = 0 and l.node_id = s.node_id and l.start > s.start
      and l.start <= s.start + ${LATE_MS + 2 * MAX_WINDOW_MS} and k.id < g.id) as late, (
    select b."end" from samples b
    where b.cluster_id = s.cluster_id and b.tier = 0 and b.node_id = s.node_id and b.start < s.start
      and b.start > s.start - ${PREVIOUS_MS} and b.received_at <= s.received_at
    order by b.start desc, b.boot desc, b.sequence desc limit 1) as previousTo`;

/** What came after a row of segments, up to another, in the order in which it came; at most `limit`. */
export async function windowsToJudge(
  db: Db,
  { after, until, limit }: { after: number; until: number; limit: number },
): Promise<WindowToJudge[]> {
  const rows = await db.all<JudgeRow>(sql`
    select ${JUDGE_ROW}
    from segments g
    left join clusters c on c.id = g.cluster_id
    left join nodes n on n.id = g.node_id and n.cluster_id = c.id
    left join samples s on s.cluster_id = g.cluster_id and s.tier = 0 and s.node_id = g.node_id and s.start = g.start
      and s.boot = g.boot and s.sequence = g.sequence
    where g.id > ${after} and g.id <= ${until}
    order by g.id limit ${limit}`);
  return rows.map(toJudge);
}

export function toJudge({ id, clusterId, start, end, late, previousTo, row }: JudgeRow): WindowToJudge {
  const tuple = row === null ? undefined : (JSON.parse(row) as WindowTuple);
  // Of a window that is forgotten, or whose node is, its place is left.
  const window = tuple?.[2]
    ? toWindow(tuple)
    : { nodeId: 0, node: "", from: start, to: end, receivedAt: end };
  return { id, clusterId, window, late: late === 1, previousTo: previousTo ?? undefined };
}
