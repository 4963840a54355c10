import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { availableOf } from "../ports/occupied.ts";
import type { Occupied } from "../ports/occupied.ts";
import type { Point } from "../ports/trend.ts";
import { storable } from "../text.ts";
import { ownersNamed } from "./owners.ts";
import { dumpsIn } from "./ports/dumps.ts";
import type { Dump } from "./ports/dumps.ts";
import { MAX_WINDOW_MS } from "./reports.ts";

/** A dump of a node is no older than this: within their budgets agents take one each few minutes at least. */
export const LOOK_BACK_MS = 15 * 60_000;

/** What narrows the question; undefined asks for nothing. Addresses in canonical form. */
export type PortFilter = {
  node?: string | undefined;
  natAddress?: string | undefined;
  peer?: string | undefined;
  port?: number | undefined;
  protocol?: number | undefined;
  /** Name of an owner that is among the largest which hold ports of the row. */
  pod?: string | undefined;
  namespace?: string | undefined;
};

/** What one node has in use, as of its dump. */
export type OccupiedRow = Occupied & Omit<Dump, "occupied" | "unlisted"> & { nodeId: number; node: string };

export type Occupancy = {
  /** The fullest first. */
  rows: OccupiedRow[];
  /** How many match in all. */
  matching: number;
  /** Nodes that reported at the time, and those of them of which a dump's ports are known. */
  nodes: { reporting: number; known: number };
  /** What these nodes did not list has no more ports in use than this. */
  unlisted: number;
};

/** Part of `available` that is in use. */
export const fillOf = ({ used, protocol }: Occupied): number => used / availableOf(protocol);

/** The fullest first; equal ones in the order of what they are. */
export const byFill = (a: OccupiedRow, b: OccupiedRow): number => fillOf(b) - fillOf(a) || order(a, b);

const ORDER = ["node", "natAddress", "peer", "peerPort", "protocol", "zone"] as const;
function order(a: OccupiedRow, b: OccupiedRow): number {
  const field = ORDER.find((name) => a[name] !== b[name]);
  if (field === undefined) return 0;
  return a[field] < b[field] ? -1 : 1;
}

const tupleOf = ({ natAddress, protocol, peer, peerPort, zone }: Occupied) =>
  JSON.stringify([natAddress, protocol, peer, peerPort, zone]);

/** The fullest of a cluster, as the last dump of each node up to `at` has them. */
export async function fullestPorts(
  db: Db,
  clusterId: number,
  { at, limit, ...filter }: PortFilter & { at: number; limit: number },
): Promise<Occupancy> {
  const range = { from: at - LOOK_BACK_MS, to: at };
  const holders =
    filter.pod === undefined
      ? undefined
      : await holdersNamed(db, clusterId, filter.pod, { ...filter, ...range });
  const nodes = await nodesReporting(db, clusterId, { node: filter.node, ...range, among: holders });
  const matches = matching(filter, holders);
  const found: Occupancy = {
    rows: [],
    matching: 0,
    nodes: { reporting: nodes.length, known: 0 },
    unlisted: 0,
  };
  const wanted = nodes.map(({ id }) => ({ nodeId: id, ...range }));
  for await (const { place, dump } of dumpsIn(db, clusterId, wanted)) {
    const { occupied, unlisted, ...taken } = dump;
    const { id: nodeId = 0, name: node = "" } = nodes[place] ?? {};
    found.nodes.known++;
    found.unlisted = Math.max(found.unlisted, unlisted);
    const own = occupied.map((row) => ({ ...row, ...taken, nodeId, node })).filter(matches);
    found.matching += own.length;
    found.rows.push(...own);
    if (found.rows.length > MANY_ROWS + limit) found.rows = found.rows.toSorted(byFill).slice(0, limit);
  }
  return { ...found, rows: found.rows.toSorted(byFill).slice(0, limit) };
}

/** So many more than are asked for are found before they are sorted and all but the first forgotten. */
const MANY_ROWS = 4096;

/** Addresses that owners of the name held, by node. */
type Held = ReadonlyMap<number, ReadonlySet<string>>;

async function holdersNamed(
  db: Db,
  clusterId: number,
  name: string,
  { namespace, from, to }: { namespace?: string | undefined; from: number; to: number },
): Promise<Held> {
  const held = new Map<number, Set<string>>();
  for (const { nodeId, address } of await ownersNamed(db, clusterId, { namespace, name, from, to: to + 1 }))
    held.set(nodeId, (held.get(nodeId) ?? new Set()).add(address));
  return held;
}

/** Nodes of which there are windows of that time. */
async function nodesReporting(
  db: Db,
  clusterId: number,
  { node, from, to, among }: { node: string | undefined; from: number; to: number; among: Held | undefined },
): Promise<{ id: number; name: string }[]> {
  const named = node === undefined ? sql`` : sql`and name = ${storable(node)}`;
  const some = among
    ? sql`and id in (select value from json_each(${JSON.stringify([...among.keys()])}))`
    : sql``;
  return db.all(sql`
    select id, name from nodes n
    where cluster_id = ${clusterId} ${named} ${some} and exists (
      select 1 from samples
      where cluster_id = n.cluster_id and tier = 0 and node_id = n.id and start > ${from - MAX_WINDOW_MS} and start <= ${to})
    order by id`);
}

function matching({ natAddress, peer, port, protocol }: PortFilter, holders: Held | undefined) {
  const is = <T>(wanted: T | undefined, value: T) => wanted === undefined || wanted === value;
  return (row: OccupiedRow): boolean =>
    is(natAddress, row.natAddress) &&
    is(peer, row.peer) &&
    is(port, row.peerPort) &&
    is(protocol, row.protocol) &&
    (!holders || row.shares.some(({ source }) => holders.get(row.nodeId)?.has(source)));
}

/**
 * How many ports each row had in use at `points` instants of the stretch before its dump, the dump itself the last; where the dumps of
 * the node did not list it then, nobody knows.
 */
export async function trendsOf(
  db: Db,
  clusterId: number,
  rows: readonly OccupiedRow[],
  { sinceMs, points }: { sinceMs: number; points: number },
): Promise<Map<OccupiedRow, Point[]>> {
  const trends = new Map(rows.map((row): [OccupiedRow, Point[]] => [row, [[row.takenAt, row.used]]]));
  const byNode = Map.groupBy(rows, ({ nodeId }) => nodeId);
  const step = sinceMs / points;
  const wanted = [...byNode].flatMap(([nodeId, [row]]) =>
    Array.from({ length: points - 1 }, (_, i) => {
      const to = Math.ceil((row?.takenAt ?? 0) - (i + 1) * step);
      return { nodeId, from: Math.ceil(to - step), to };
    }),
  );
  for await (const { place, dump } of dumpsIn(db, clusterId, wanted)) {
    const used = new Map(dump.occupied.map((one) => [tupleOf(one), one.used]));
    for (const row of byNode.get(wanted[place]?.nodeId ?? 0) ?? []) {
      const then = used.get(tupleOf(row));
      if (then !== undefined) trends.get(row)?.push([dump.takenAt, then]);
    }
  }
  for (const trend of trends.values()) trend.sort(([a], [b]) => a - b);
  return trends;
}
