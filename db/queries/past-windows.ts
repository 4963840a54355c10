import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { Look, Need } from "../look.ts";
import { SLOT_MS, TEN_MINUTES } from "../tiers.ts";
import { loadLook } from "./look.ts";
import type { HoursCache, WindowToJudge } from "./look.ts";
import { loadSlotLook, slotsOfNode } from "./look/slot-look.ts";
import { JUDGE_ROW, PREVIOUS_MS, toJudge } from "./look/to-judge.ts";
import type { JudgeRow } from "./look/to-judge.ts";
import { SLOT_ROW, toWindow } from "./look/window-row.ts";
import type { WindowTuple } from "./look/window-row.ts";

export type PastQuery = {
  from: number;
  to: number;
  /** Names; all nodes unless given. */
  nodes?: readonly string[] | undefined;
  cache?: HoursCache | undefined;
  onDamaged?: (() => void) | undefined;
};

/** A window of the past, or a slot of ten minutes in the place of the windows that are no longer kept. */
export type PastWindow = Omit<WindowToJudge, "id"> & {
  /** It stands for the windows of ten minutes: its gauges are their highest, its counters their sums. */
  slot: boolean;
  /** What was to be known when it came. */
  look: (need: Need) => Promise<Look>;
};

/** Windows read at once: some 50 ms, in which nothing else happens on Node. */
const WINDOWS_A_PAGE = 2_000;
/** Of most nodes. */
const WINDOW_MS = 30_000;
const TEN_MINUTES_MS = SLOT_MS[TEN_MINUTES];

/** What nodes of a cluster reported in windows that begin in [from, to), by their begins, page by page. */
export async function* windowsIn(db: Db, clusterId: number, query: PastQuery): AsyncGenerator<PastWindow[]> {
  const known = await nodesOf(db, clusterId, query.nodes);
  const nodes = known.map(({ id }) => id);
  const { windows: split, slots } = await keptFrom(db);
  const first = Math.min(...known.map(({ seen }) => seen - OLDEST_REPORT_MS));
  const [early, late] = [
    { from: Math.max(query.from, slots, first), to: Math.min(query.to, split) },
    { from: Math.max(query.from, split, first), to: query.to },
  ];
  yield* paged(early, nodes, TEN_MINUTES_MS, (range) => slotsOf(db, clusterId, query, { ...range, nodes }));
  yield* paged(late, nodes, WINDOW_MS, (range) => windowsOf(db, clusterId, query, { ...range, nodes }));
}

/** Node by node a page would be out of order, so it is a stretch of time: as long as the windows of all nodes fit. */
async function* paged(
  { from, to }: Range,
  nodes: readonly number[],
  windowMs: number,
  read: (range: Range) => Promise<PastWindow[]>,
): AsyncGenerator<PastWindow[]> {
  const windows = Math.max(1, Math.floor(WINDOWS_A_PAGE / Math.max(1, nodes.length)));
  for (let begin = from; begin < to; begin += windows * windowMs) {
    const page = await read({ from: begin, to: Math.min(to, begin + windows * windowMs) });
    if (page.length > 0) yield page;
    // A local driver works synchronously: others get their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Range = { from: number; to: number };
type OfNodes = Range & { nodes: readonly number[] };

/** Before nodes were first heard of by so much there is nothing of them: agents keep what they could not send for three days. */
const OLDEST_REPORT_MS = 72 * 3_600_000;

async function nodesOf(
  db: Db,
  clusterId: number,
  names: readonly string[] | undefined,
): Promise<{ id: number; seen: number }[]> {
  const named = names ? sql`and name in (select value from json_each(${JSON.stringify(names)}))` : sql``;
  return db.all(sql`
    select id, first_seen_at as seen from nodes where cluster_id = ${clusterId} ${named} order by id`);
}

/** Since when all windows, and all slots, are kept. A slot of which some windows are missing is taken as a whole. */
async function keptFrom(db: Db): Promise<{ windows: number; slots: number }> {
  const [row] = await db.all<{ windows: number; slots: number }>(
    sql`select windows_from as windows, ten_minutes_from as slots from upkeep where id = 1`,
  );
  const { windows = 0, slots = 0 } = row ?? {};
  return { windows: Math.ceil(windows / TEN_MINUTES_MS) * TEN_MINUTES_MS, slots };
}

const each = (nodes: readonly number[]): SQL => sql`json_each(${JSON.stringify(nodes)}) e`;

async function windowsOf(
  db: Db,
  clusterId: number,
  { cache, onDamaged }: PastQuery,
  { from, to, nodes }: OfNodes,
): Promise<PastWindow[]> {
  const rows = await db.all<JudgeRow>(sql`
    select ${JUDGE_ROW}
    from ${each(nodes)}
    cross join nodes n on n.id = e.value
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = 0 and s.node_id = n.id
      and s.start >= ${from} and s.start < ${to}
    cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
      and g.sequence = s.sequence
    order by s.start, g.id`);
  return rows.map((row) => {
    const { id: _, ...found } = toJudge(row);
    const { window } = found;
    const look = (need: Need) => loadLook(db, { clusterId, window, need, cache, onDamaged });
    return { ...found, slot: false, look };
  });
}

async function slotsOf(
  db: Db,
  clusterId: number,
  { cache, onDamaged }: PastQuery,
  { from, to, nodes }: OfNodes,
): Promise<PastWindow[]> {
  const rows = await db.all<{ row: string; previousTo: number | null }>(sql`
    select ${SLOT_ROW} as row, (
      select b."end" from samples b
      where b.cluster_id = ${clusterId} and b.tier = ${TEN_MINUTES} and b.node_id = n.id and b.start < s.start
        and b.start > s.start - ${PREVIOUS_MS}
      order by b.start desc limit 1) as previousTo
    from ${each(nodes)}
    cross join nodes n on n.id = e.value
    ${slotsOfNode(clusterId)}
    where s.start >= ${from} and s.start < ${to}
    order by s.start, n.id`);
  return rows.map(({ row, previousTo }) => {
    const window = toWindow(JSON.parse(row) as WindowTuple);
    const look = (need: Need) => loadSlotLook(db, { clusterId, window, need, cache, onDamaged });
    return { clusterId, window, late: false, previousTo: previousTo ?? undefined, slot: true, look };
  });
}
