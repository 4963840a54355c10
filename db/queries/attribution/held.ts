import type { Evidence, Reason } from "../../attribution/answer.ts";
import { leasesOf, type Leased } from "../../attribution/held.ts";
import type { Holder } from "../../attribution/holders.ts";
import { KEYFRAME_MS } from "../../attribution/place.ts";
import { basesOf, inOrder, isComplete, type LeaseWindow, lists, runsOf } from "../../attribution/timeline.ts";
import type { Db } from "../../client.ts";
import type { LeaseFilter } from "../../details.ts";
import type { HeldLease, LeaseList, LeaseQuestion, Place } from "../attribution.ts";
import { holdersOf, keyOf } from "./holders.ts";
import { lookedAt, openedOf, rowsOf } from "./look.ts";
import { type AskedNode, askedNodes } from "./places.ts";
import { type Target, targetsOf } from "./targets.ts";
import { type Unseen, unseenOf } from "./unseen.ts";
import { nextTurn } from "./turn.ts";
import { leaseWindows, type NodeRange } from "./windows.ts";

/** Windows are read from the latest backwards, so many at a time; fewer where they have more rows than may be held. */
const SLICE_MS = 3_600_000;
const MIN_SLICE_MS = 60_000;
const SLICES = 4;
/** Windows read for one answer, some three seconds: three days of two nodes. */
export const MAX_WINDOWS_READ = 20_000;
/** Rows of leases taken for one answer, which are in memory all at once; to make leases of them takes some tenths of a second. */
export const MAX_ROWS = 20_000;

/** How many windows and rows may still be read. */
type Budget = { windows: number; rows: number };
type Read = {
  target: Target;
  node: AskedNode;
  from: number;
  windows: LeaseWindow[];
  /** There are more rows than may be held. */
  isCut: boolean;
};

/** See leasesHeld of ../attribution.ts. */
export async function heldLeases(
  db: Db,
  place: Place,
  question: LeaseQuestion,
  limits: Readonly<Budget> = { windows: MAX_WINDOWS_READ, rows: MAX_ROWS },
): Promise<LeaseList> {
  const { targets, tooMany } = await targetsOf(db, place, question);
  const nodeIds = [...new Set(targets.map(({ nodeId }) => nodeId))];
  const nodes = await askedNodes(db, nodeIds);
  const unseen = await unseenOf(db, nodeIds);
  const names = new Map(place.clusters.map(({ id, name }) => [id, name]));
  const holders = await holdersOf(
    db,
    targets.map(({ clusterId, source }) => ({ clusterId, address: source })),
    { unseen, now: place.now, nameOf: (nodeId) => nodes.get(nodeId)?.name ?? null },
  );
  const budget = { ...limits };
  const leases: HeldLease[] = [];
  const evidence: Evidence[] = [];
  const cut = new Set<Reason>(tooMany ? ["too-many-nodes"] : []);
  for (const target of targets) {
    const node = nodes.get(target.nodeId);
    if (!node) continue;
    const cluster = names.get(target.clusterId) ?? "";
    const read = await readTarget(db, { target, node, question, unseen, budget });
    const held = leasesOf(read.windows, target, {
      node: node.name,
      holders: (address): readonly Holder[] =>
        holders.get(keyOf({ clusterId: target.clusterId, address })) ?? [],
    });
    for (const one of held) leases.push(...answered(one, question, { cluster, node: node.name }));
    evidence.push(evidenceOf(read, cluster));
    if (read.isCut) cut.add("too-many-leases");
    await nextTurn();
  }
  const sorted = leases.toSorted((a, b) => (b.opened ?? 0) - (a.opened ?? 0) || b.lastSeen - a.lastSeen);
  const listed = sorted.slice(0, question.limit);
  return { leases: listed, more: sorted.length - listed.length, evidence, reasons: [...cut] };
}

/** Where a Pod is asked for, the leases of others that had its address are left out. */
function answered(
  { lease, owners }: Leased,
  { pod, namespace }: LeaseQuestion,
  where: { cluster: string; node: string },
): HeldLease[] {
  const fitting = owners.filter(
    ({ owner }) =>
      pod === undefined ||
      (owner?.name === pod && (namespace === undefined || owner.namespace === namespace)),
  );
  const [best] = fitting;
  return best ? [{ ...lease, ...where, owner: best.owner, reasons: best.reasons }] : [];
}

type Reading = { target: Target; node: AskedNode; question: LeaseQuestion; unseen: Unseen; budget: Budget };

/** Windows of the range and those before it back to a keyframe, as far as the budget goes. */
async function readTarget(db: Db, { target, node, question, unseen, budget }: Reading): Promise<Read> {
  const { peer, peerPort, protocol } = question;
  const filter: LeaseFilter = { source: target.source, peer, peerPort, protocol };
  const { clusterId, nodeId } = target;
  const first = target.from - KEYFRAME_MS;
  const windows = new Map<string, LeaseWindow>();
  let from = target.to;
  let length = SLICE_MS;
  let isCut = false;
  while (from > first && budget.windows > 0 && !isCut) {
    const slice = { clusterId, nodeId, from: Math.max(first, from - length), to: from };
    const read = await readSlice(db, { slice, until: unseen.until, filter, known: windows, budget });
    if (read === "too-many" && length > MIN_SLICE_MS) length = Math.max(MIN_SLICE_MS, length / SLICES);
    else if (read === "too-many") isCut = true;
    else {
      for (const [key, window] of read) windows.set(key, window);
      budget.rows -= [...read.values()].reduce((rows, window) => rows + rowsOf(window), 0);
      from = slice.from;
    }
  }
  return { target, node, from, windows: [...windows.values()], isCut };
}

type Slice = {
  slice: NodeRange;
  until: number;
  filter: LeaseFilter;
  known: ReadonlyMap<string, LeaseWindow>;
  budget: Budget;
};

/** The windows that are not known yet. */
async function readSlice(
  db: Db,
  { slice, until, filter, known, budget }: Slice,
): Promise<"too-many" | Map<string, LeaseWindow>> {
  const windows = new Map<string, LeaseWindow>();
  let rows = 0;
  for await (const { details, ...stored } of leaseWindows(db, [slice], until)) {
    const key = `${stored.boot} ${stored.sequence} ${stored.from}`;
    if (known.has(key)) continue;
    const window = lookedAt(stored, openedOf(details), filter, budget.rows);
    windows.set(key, window);
    budget.windows -= 1;
    rows += rowsOf(window);
    if (rows > budget.rows) return "too-many";
  }
  return windows;
}

function evidenceOf({ target, node, from, windows }: Read, cluster: string): Evidence {
  const ordered = inOrder(windows);
  const reaching = ordered.filter((window) => window.to > target.from);
  const bases = basesOf(ordered);
  const runs = runsOf(ordered, from);
  const isWhole =
    reaching.length > 0 &&
    from <= target.from &&
    runs.some((run) => run.from <= target.from && run.to >= Math.min(target.to, node.lastEnd ?? target.to));
  return {
    cluster,
    node: node.name,
    keyframeAt: bases[0]?.takenAt ?? null,
    windows: reaching.length,
    from: reaching.length > 0 ? Math.min(...reaching.map((window) => window.from)) : null,
    to: reaching.length > 0 ? Math.max(...reaching.map(({ to }) => to)) : null,
    complete: isWhole && bases.some((base) => lists(base, undefined)),
    reasons: reasonsOf(reaching),
    blind: node.blind,
  };
}

function reasonsOf(windows: readonly LeaseWindow[]): Reason[] {
  if (windows.length === 0) return ["no-reports"];
  if (windows.every(({ found }) => !found?.changes && !found?.keyframe)) return ["leases-off"];
  return windows.every(isComplete) ? [] : ["events-incomplete"];
}
