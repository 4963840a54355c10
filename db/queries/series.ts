import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { foldedUntil, plan } from "../plan.ts";
import type { Piece } from "../plan.ts";
import { storable } from "../text.ts";
import { AGGREGATES, CLUSTER_TIERS, fits, NODE_TIERS, SLOT_MS, WHOLE_CLUSTER, WINDOW } from "../tiers.ts";
import type { Retention, Tier } from "../tiers.ts";
import { MAX_WINDOW_MS } from "./reports.ts";
import { measured } from "./series/measured.ts";
import type { Measured } from "./series/measured.ts";
import type { SeriesAggregate, SeriesMetric } from "./series/metrics.ts";
import { dirtyIn } from "./stock.ts";

export type SeriesQuery = {
  clusterId: number;
  metric: SeriesMetric | "coveredMs";
  /** One series of the whole cluster, or one a node. */
  by: "cluster" | "node";
  /** Of this node alone, by node. */
  node?: string | undefined;
  /** Multiples of `stepMs`. */
  from: number;
  to: number;
  stepMs: number;
  /** What a step makes of a gauge; counts are added up. */
  aggregate: SeriesAggregate;
  /** Of a count, a second of the time that is covered. */
  rate: boolean;
  /** Series at most: those with the highest peaks. */
  limit: number;
  retention: Retention;
  now: number;
};

/** `points` are [start of the step in epoch ms, value]; a step without a value has no point. */
export type Series = { node: string | null; points: [number, number][] };
/**
 * `omitted`: how many series more there are. `pieces`: what was read; from `foldedUntil` on, reports have come that are not in them
 * yet.
 */
export type SeriesAnswer = {
  series: Series[];
  omitted: number;
  pieces: Piece[];
  foldedUntil: number | undefined;
};

/** Rows of windows and of the steps they reach into that one statement makes: some 100 ms, in which nothing else happens on Node. */
const ROWS_A_LOOK = 30_000;
const NODES_A_LOOK = 100;
/** And that one question may make: some seconds of a core. Sixteen hours of windows of 1,000 nodes are as many, of ten minutes two weeks. */
export const MAX_ROWS = 2_000_000;
/** Of the windows of most nodes. */
const WINDOW_MS = 30_000;

/** The answer would take too long to make. */
export class TooMuchToReadError extends Error {
  constructor() {
    super("it would read too many windows");
    this.name = "TooMuchToReadError";
  }
}

/** Tiers that there are of a cluster or of a node, finest first. */
export const tiersOf = (by: "cluster" | "node"): readonly Tier[] =>
  by === "cluster" ? CLUSTER_TIERS : NODE_TIERS;

/**
 * How a metric went. A node's gauge is of the windows that reach into the step; a count is the sum of the windows that
 * begin in it, so that steps add up. The cluster's is the sum over the nodes, minute by minute, but of utilisation the
 * highest: one full table is no better for the others. Series with the highest peaks come first. Throws TooMuchToReadError.
 */
export async function series(db: Db, query: SeriesQuery): Promise<SeriesAnswer> {
  const names = query.by === "node" ? await nodesOf(db, query) : new Map([[WHOLE_CLUSTER, null]]);
  const nodeIds = [...names.keys()];
  const tiers = tiersOf(query.by).filter((tier) => fits(tier, query.stepMs));
  const { retention, now } = query;
  const dirty = await dirtyIn(db, query.clusterId, nodeIds, query);
  const pieces = plan(query, { tiers, dirty, retention, now });
  const rowsANode = rowsOf(pieces, query.stepMs);
  if (rowsANode * nodeIds.length > MAX_ROWS) throw new TooMuchToReadError();
  const nodesALook = Math.max(1, Math.min(NODES_A_LOOK, Math.floor(ROWS_A_LOOK / Math.max(1, rowsANode))));
  const peaks = new Map<number, number>();
  const found = new Map<number, Series>();
  let there = 0;
  for (let at = 0; at < nodeIds.length; at += nodesALook) {
    const rows = await db.all<Row>(statement(query, pieces, nodeIds.slice(at, at + nodesALook)));
    there += rows[0]?.nodes ?? 0;
    for (const { node, peak, step, value } of rows) {
      const one = found.get(node) ?? { node: names.get(node) ?? null, points: [] };
      one.points.push([step, value]);
      found.set(node, one);
      peaks.set(node, peak);
    }
    for (const node of byPeak(peaks).slice(query.limit)) {
      found.delete(node);
      peaks.delete(node);
    }
    // A local driver works synchronously: others get their turn between two looks.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const shown = byPeak(peaks).flatMap((node) => found.get(node) ?? []);
  const answer = { series: shown, omitted: there - shown.length };
  return { ...answer, pieces, foldedUntil: foldedUntil(pieces, dirty) };
}

/** Of one node, some: a window is looked at once for each step that it reaches into. */
function rowsOf(pieces: readonly Piece[], stepMs: number): number {
  const rows = ({ tier, from, to }: Piece) =>
    tier === WINDOW ? (to - from) / Math.min(WINDOW_MS, stepMs) : (to - from) / SLOT_MS[tier];
  return pieces.reduce((sum, piece) => sum + rows(piece), 0);
}

/** Equal ones in the order of their ids. */
const byPeak = (peaks: ReadonlyMap<number, number>): number[] =>
  [...peaks].toSorted(([a, one], [b, other]) => other - one || a - b).map(([node]) => node);

type Row = { node: number; peak: number; step: number; value: number; nodes: number };

async function nodesOf(
  db: Db,
  { clusterId, node }: SeriesQuery,
): Promise<ReadonlyMap<number, string | null>> {
  const named = node === undefined ? sql`` : sql`and name = ${storable(node)}`;
  const rows = await db.all<{ id: number; name: string }>(
    sql`select id, name from nodes where cluster_id = ${clusterId} ${named}`,
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Nodes are ranked in the database: a large cluster has many more points than are shown. */
function statement(query: SeriesQuery, pieces: readonly Piece[], nodeIds: readonly number[]): SQL {
  const how = measured(query.metric, query.aggregate, query.rate);
  const rows = sql`${fromWindows(query, how, pieces, nodeIds)} union all ${fromBuckets(query, how, pieces, nodeIds)}`;
  return sql`
    with found as (${rows}),
    stepped as materialized (
      select node, step, ${sql.raw(how.ofStep)} as result from found
      ${how.onlyKnown ? sql`where value is not null` : sql``}
      group by node, step having result is not null
    ),
    peaks as (select node, max(result) as peak from stepped group by node),
    shown as (select node, peak from peaks order by peak desc, node limit ${query.limit})
    select node, peak, step, result as value, (select count(*) from peaks) as nodes
    from shown join stepped using (node)
    order by peak desc, node, step`;
}

/** CROSS JOIN keeps the nodes outside: each is then one seek into its own time. */
function fromWindows(
  { clusterId, stepMs }: SeriesQuery,
  how: Measured,
  pieces: readonly Piece[],
  nodeIds: readonly number[],
): SQL {
  const length = sql`cast(${stepMs} as integer)`;
  const step = how.reaches
    ? sql`(s.start / ${length} + o.value) * ${length}`
    : sql`s.start / ${length} * ${length}`;
  const reaching = sql`
    cross join json_each(iif(s.start / ${length} < (s.end - 1) / ${length}, ${stepsAWindow(stepMs)}, '[0]')) o
    where s.end > p.value ->> 1 and ${step} < s.end and ${step} < p.value ->> 2 and ${step} + ${length} > p.value ->> 1`;
  const [before, which] = how.reaches ? [MAX_WINDOW_MS, reaching] : [1, sql``];
  return sql`
    select s.node_id as node, ${step} as step, s.start as at, ${valueAndWeight(how.ofWindow)}
    from json_each(${JSON.stringify(nodeIds)}) n
    cross join json_each(${JSON.stringify(ranges(pieces, true))}) p
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = ${WINDOW} and s.node_id = n.value
      and s.start > p.value ->> 1 - ${before} and s.start < p.value ->> 2 ${which}`;
}

function fromBuckets(
  { clusterId, stepMs }: SeriesQuery,
  how: Measured,
  pieces: readonly Piece[],
  nodeIds: readonly number[],
): SQL {
  const length = sql`cast(${stepMs} as integer)`;
  return sql`
    select s.node_id as node, s.start / ${length} * ${length} as step, s.start as at, ${valueAndWeight(how.ofBucket)}
    from json_each(${JSON.stringify(nodeIds)}) n
    cross join json_each(${JSON.stringify(ranges(pieces, false))}) p
    cross join samples s on s.cluster_id = ${clusterId} and s.tier = p.value ->> 0 and s.node_id = n.value
      and s.start >= p.value ->> 1 and s.start < p.value ->> 2 and s.sequence = ${how.row}
    left join samples k on k.cluster_id = s.cluster_id and k.tier = s.tier and k.node_id = s.node_id
      and k.start = s.start and k.boot = s.boot and k.sequence = ${AGGREGATES.known}`;
}

const valueAndWeight = ({ value, weight }: Measured["ofWindow"]): SQL =>
  sql.raw(`${value} as value, ${weight} as weight`);

const ranges = (pieces: readonly Piece[], ofWindows: boolean): number[][] =>
  pieces.filter(({ tier }) => (tier === WINDOW) === ofWindows).map(({ tier, from, to }) => [tier, from, to]);

/** Numbers from 0, one for each step that a window can reach into. */
function stepsAWindow(stepMs: number): string {
  return JSON.stringify([...Array(Math.ceil(MAX_WINDOW_MS / stepMs) + 1).keys()]);
}
