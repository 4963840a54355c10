import type { Db } from "../../client.ts";
import type { NodeWindow, Slot } from "../../look.ts";
import { slotOfWindows, slotsOfRows } from "../../look/slots.ts";
import { SLOT_MS, slotOf, TEN_MINUTES } from "../../tiers.ts";
import { readSlotRows, slotRows } from "./slot-rows.ts";
import type { SlotRows } from "./slot-rows.ts";
import { windowsOfNode } from "./windows.ts";

/** How far back a trend goes. */
export const TREND_MS = 6 * 3_600_000;
const TEN_MINUTES_MS = SLOT_MS[TEN_MINUTES];

/**
 * Slots of ten minutes up to the window, the oldest first. That of the window itself, of which there is a part, and those that are not folded
 * yet are made of windows as folding would make them.
 */
export async function loadTrend(db: Db, clusterId: number, window: NodeWindow): Promise<Slot[]> {
  const own = slotOf(TEN_MINUTES, window.from);
  const last = slotOf(TEN_MINUTES, window.to - 1);
  const folded = await foldedSlots(db, clusterId, window.nodeId, { from: last - TREND_MS, to: own });
  const there = new Set(folded.map(({ start }) => start));
  const missing: number[] = [];
  for (let start = last - TREND_MS; start <= last; start += TEN_MINUTES_MS)
    if (!there.has(start)) missing.push(start);
  const windows = await windowsOfNode(
    db,
    clusterId,
    window,
    missing.map((start): [number, number] => [start, Math.min(start + TEN_MINUTES_MS, window.to)]),
  );
  const made = missing.flatMap(
    (start) => slotOfWindows({ start, end: start + TEN_MINUTES_MS }, windows) ?? [],
  );
  return [...folded, ...made].toSorted((a, b) => a.start - b.start);
}

/** The same from slots alone, where windows are no longer kept. */
export const foldedTrend = (db: Db, clusterId: number, { nodeId, from, to }: NodeWindow): Promise<Slot[]> =>
  foldedSlots(db, clusterId, nodeId, { from: from - TREND_MS, to });

async function foldedSlots(
  db: Db,
  clusterId: number,
  nodeId: number,
  { from, to }: { from: number; to: number },
): Promise<Slot[]> {
  const [row] = await db.all<SlotRows>(
    slotRows(clusterId, { tier: TEN_MINUTES, nodeIds: [nodeId], ranges: [[from, to]] }),
  );
  return row ? slotsOfRows(readSlotRows(row), TEN_MINUTES_MS) : [];
}
