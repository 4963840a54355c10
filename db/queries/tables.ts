import { sql } from "drizzle-orm";
import { decodeBucket } from "../bucket.ts";
import type { Db } from "../client.ts";
import { foldWindows } from "../fold.ts";
import type { FoldWindow } from "../fold.ts";
import type { Bucket, Dimension, Table } from "../fold/table.ts";
import { foldedUntil, plan } from "../plan.ts";
import type { Piece } from "../plan.ts";
import { decodeSegment } from "../segment.ts";
import type { Filter, Form } from "../talkers/source.ts";
import { Narrowing } from "../talkers/narrowing.ts";
import { storable } from "../text.ts";
import {
  CLUSTER_TIERS,
  fits,
  HOUR,
  MINUTE,
  NODE_TIERS,
  SLOT_MS,
  slotOf,
  WHOLE_CLUSTER,
  WINDOW,
} from "../tiers.ts";
import type { Retention, Tier } from "../tiers.ts";
import { holdersIn } from "./facts.ts";
import { ownersNamed } from "./owners.ts";
import { dirtyIn } from "./stock.ts";
import { segmentsIn } from "./windows.ts";
import type { WindowRange } from "./windows.ts";

/** Who had what in [from, to) of a cluster, or of a node of it. */
export type TableQuestion = Filter & {
  clusterId: number;
  by: Form;
  /** Also the same put together so: out of the same read. */
  beside?: readonly Form[] | undefined;
  from: number;
  to: number;
  /** Name of a node: its own windows and buckets answer. */
  node?: string | undefined;
  /** Only slots that make up steps of so many ms. */
  stepMs?: number | undefined;
  retention: Retention;
  now: number;
};

/** What is known of a slot: the rows that match, as `by` says, and as each of `beside` does. Where nothing is, there is no slot. */
export type Slot = { tier: Tier; from: number; to: number; table: Table; beside: readonly Table[] };

export type Reading = {
  /** What the range was cut into: the first begins where the answer does. None where nothing of it is kept. */
  pieces: readonly Piece[];
  /** From here on reports have come that are not in the pieces yet; undefined where none have. */
  foldedUntil: number | undefined;
  /** How much of them reports told of, in ms: of several nodes, that of the one with most. */
  coveredMs: () => Promise<number>;
  /** In time. */
  slots: () => AsyncGenerator<Slot>;
  /**
   * Whether, in any of the slots so far, rows were put together of several whose gauges may have been at their most at
   * different times: they may then say more than was ever held at once.
   */
  peaksAdded: () => boolean;
};

/**
 * A Pod is sought on so many nodes at most; a name that more of them know, or none, is answered from the tables of the
 * cluster.
 */
const MAX_NODES = 8;
/** Of all nodes that are read at once, of up to 1 MB each: a Worker has 128 MB. */
const PAGE_BUCKETS = 16;
/** Minutes folded between two turns of the event loop: those of a large node take some 20 ms. */
const MINUTES_A_TURN = 8;

const NOTHING: Table = { keys: [], columns: {}, rest: { rows: 0 }, lack: {}, miss: {} };

type Node = { id: number; name: string };
type Range = { from: number; to: number };

/** The tables of a range, slot by slot. */
export async function* tablesIn(db: Db, question: TableQuestion): AsyncGenerator<Slot> {
  const { slots } = await readTables(db, question);
  yield* slots();
}

/**
 * Chooses what to read: where a node or a Pod is named, the windows and buckets of its node, which tell each source from the
 * other; else those of the whole cluster.
 */
export async function readTables(db: Db, question: TableQuestion): Promise<Reading> {
  const { clusterId, retention, now, stepMs = 0 } = question;
  const nodes = await nodesAsked(db, question);
  const range = nodes
    ? { from: slotOf(MINUTE, question.from), to: slotOf(MINUTE, question.to + SLOT_MS[MINUTE] - 1) }
    : { from: question.from, to: question.to };
  const ids = nodes ? nodes.map(({ id }) => id) : [WHOLE_CLUSTER];
  const all = nodes ? NODE_TIERS : CLUSTER_TIERS;
  // Of 0, any length is a part.
  const tiers = all.filter((tier) => fits(tier, stepMs));
  const dirty = await dirtyIn(db, clusterId, ids, range);
  const pieces = plan(range, { tiers, dirty, retention, now });
  const scope = nodes ? "node" : "cluster";
  const narrowing = new Narrowing(question.by, question, scope);
  const beside = (question.beside ?? []).map((by) => new Narrowing(by, question, scope));
  const reader = { db, clusterId, narrowings: [narrowing, ...beside] };
  return {
    pieces,
    foldedUntil: foldedUntil(pieces, dirty),
    coveredMs: () => coveredMs(db, clusterId, ids, pieces),
    slots: () => (nodes ? slotsOfNodes(reader, nodes, pieces) : slotsOfCluster(reader, pieces)),
    peaksAdded: () => narrowing.peaksAdded,
  };
}

/** Undefined: the whole cluster. */
async function nodesAsked(db: Db, question: TableQuestion): Promise<Node[] | undefined> {
  const { clusterId, node, pod, namespace, from, to } = question;
  if (node !== undefined)
    return db.all<Node>(
      sql`select id, name from nodes where cluster_id = ${clusterId} and name = ${storable(node)}`,
    );
  if (pod === undefined) return undefined;
  const held = await ownersNamed(db, clusterId, { namespace, name: pod, from, to });
  const ids = [...new Set(held.map(({ nodeId }) => nodeId))];
  if (ids.length === 0 || ids.length > MAX_NODES) return undefined;
  return db.all<Node>(sql`
    select id, name from nodes
    where cluster_id = ${clusterId} and id in (select value from json_each(${JSON.stringify(ids)}))`);
}

type Reader = { db: Db; clusterId: number; narrowings: readonly Narrowing[] };

const read = (narrowings: readonly Narrowing[]) => [...new Set(narrowings.map(({ dimension }) => dimension))];

async function* slotsOfCluster(
  { db, clusterId, narrowings }: Reader,
  pieces: readonly Piece[],
): AsyncGenerator<Slot> {
  const dimensions = read(narrowings);
  for (const piece of pieces) {
    const cluster = { clusterId, nodeId: WHOLE_CLUSTER, piece, dimensions };
    for await (const { start, bucket } of bucketsIn(db, cluster)) {
      const tables = narrowings.map((one) => one.table(bucket[one.dimension] ?? NOTHING));
      yield slot(piece.tier, start, tables);
    }
  }
}

/** Of several nodes, what they have in a slot is added up. No more is held than a page of each. */
async function* slotsOfNodes(
  { db, clusterId, narrowings }: Reader,
  nodes: readonly Node[],
  pieces: readonly Piece[],
): AsyncGenerator<Slot> {
  const dimensions = read(narrowings);
  const page = Math.ceil(PAGE_BUCKETS / nodes.length);
  for (const piece of pieces) {
    const all = nodes.map(({ id }) => {
      const one = { clusterId, nodeId: id, piece, dimensions };
      return piece.tier === WINDOW ? minutesIn(db, one) : bucketsIn(db, one, page);
    });
    for await (const { start, found } of sideBySide(all)) {
      const tables = narrowings.map((one) =>
        one.together(
          found.map(({ bucket, at }) => one.table(bucket[one.dimension] ?? NOTHING, nodes[at]?.name)),
        ),
      );
      yield slot(piece.tier, start, tables);
    }
  }
}

/** What several have of the same slot, slot by slot; `at`: which of them. */
async function* sideBySide(
  all: readonly AsyncGenerator<Found>[],
): AsyncGenerator<{ start: number; found: (Found & { at: number })[] }> {
  const heads: (Found | undefined)[] = [];
  const next = async (at: number) => {
    heads[at] = (await all[at]?.next())?.value;
  };
  for (const at of all.keys()) await next(at);
  for (;;) {
    const start = heads.reduce((first, head) => Math.min(first, head?.start ?? Infinity), Infinity);
    if (start === Infinity) return;
    const found = heads.flatMap((head, at) => (head?.start === start ? { ...head, at } : []));
    yield { start, found };
    for (const { at } of found) await next(at);
  }
}

const slot = (tier: Tier, from: number, [table = NOTHING, ...beside]: readonly Table[]): Slot => ({
  tier,
  from,
  to: from + SLOT_MS[tier === WINDOW ? MINUTE : tier],
  table,
  beside,
});

type OneOf = { clusterId: number; nodeId: number; piece: Piece; dimensions: readonly Dimension[] };
type Found = { start: number; bucket: Bucket };

async function* bucketsIn(
  db: Db,
  { clusterId, nodeId, piece, dimensions }: OneOf,
  page = PAGE_BUCKETS,
): AsyncGenerator<Found> {
  let from = piece.from;
  while (from < piece.to) {
    const rows = await db.all<{ start: number; data: ArrayBuffer | number[] }>(sql`
      select start, data from buckets
      where cluster_id = ${clusterId} and tier = ${piece.tier} and node_id = ${nodeId}
        and start >= ${from} and start < ${piece.to}
      order by start limit ${page}`);
    for (const { start, data } of rows)
      yield { start, bucket: decodeBucket(new Uint8Array(data), dimensions) };
    // A local driver works synchronously: others get their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
    const last = rows.at(-1);
    from = last && rows.length === page ? last.start + 1 : piece.to;
  }
}

/** Windows of a node folded as those of a cluster are, so that both say the same of the same time. */
async function* minutesIn(db: Db, { clusterId, nodeId, piece }: OneOf): AsyncGenerator<Found> {
  const heldBy = (await holdersIn(db, clusterId, { ...reach(piece), nodeIds: [nodeId] }))(nodeId);
  let folded = 0;
  for await (const { start, windows } of windowsByMinute(db, { clusterId, nodeId, ...piece })) {
    // A local driver works synchronously: others get their turn.
    if (folded++ % MINUTES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    yield { start, bucket: foldWindows({ start, end: start + SLOT_MS[MINUTE] }, windows, heldBy) };
  }
}

/** The windows that reach into each minute of a range. They come in time: of a minute that is over, no more do. */
async function* windowsByMinute(
  db: Db,
  range: WindowRange,
): AsyncGenerator<{ start: number; windows: FoldWindow[] }> {
  let minutes = new Map<number, FoldWindow[]>();
  for await (const { start, end, data } of segmentsIn(db, range)) {
    const current = slotOf(MINUTE, start);
    yield* inOrder([...minutes].filter(([minute]) => minute < current));
    minutes = new Map([...minutes].filter(([minute]) => minute >= current));
    const window = { start, end, segment: decodeSegment(data) };
    for (const minute of minutesOf({ from: Math.max(start, range.from), to: Math.min(end, range.to) }))
      minutes.set(minute, [...(minutes.get(minute) ?? []), window]);
  }
  yield* inOrder([...minutes]);
}

const inOrder = (minutes: readonly [number, FoldWindow[]][]) =>
  minutes.toSorted(([a], [b]) => a - b).map(([start, windows]) => ({ start, windows }));

/** Windows may begin before the piece and end after it. */
const reach = ({ from, to }: Range): Range => ({ from: from - SLOT_MS[HOUR], to: to + SLOT_MS[HOUR] });

function minutesOf({ from, to }: Range): number[] {
  const minutes: number[] = [];
  for (let at = slotOf(MINUTE, from); at < to; at += SLOT_MS[MINUTE]) minutes.push(at);
  return minutes;
}

async function coveredMs(
  db: Db,
  clusterId: number,
  nodeIds: readonly number[],
  pieces: readonly Piece[],
): Promise<number> {
  const [row] = await db.all<{ ms: number | null }>(sql`
    select max(ms) as ms from (
      select sum(coalesce(s.covered_ms, s.end - s.start)) as ms
      from json_each(${JSON.stringify(nodeIds)}) as n
      cross join json_each(${JSON.stringify(pieces)}) as p
      cross join samples s on s.cluster_id = ${clusterId} and s.tier = p.value ->> 'tier' and s.node_id = n.value
        and s.start >= p.value ->> 'from' and s.start < p.value ->> 'to'
      where s.tier = ${WINDOW} or s.sequence = 3
      group by s.node_id)`);
  return row?.ms ?? 0;
}
