import { slotsOfRows } from "../../look/slots.ts";
import type { Slot } from "../../look.ts";
import type { Db } from "../../client.ts";
import { HOUR, SLOT_MS, slotOf } from "../../tiers.ts";
import { readSlotRows, slotRows } from "./slot-rows.ts";
import type { SlotRows } from "./slot-rows.ts";
import { Packed } from "../../look/packed.ts";

/** Days before the one at hand of which hours are looked at. */
export const DAYS = 14;
const DAY_MS = 86_400_000;
/** Of each day the hour of that time of day, and the one before and after it. */
const HOURS_AROUND = 1;
/** What is kept of so many nodes takes 45 MB. */
export const MAX_CACHED_NODES = 3_000;
/** Read at once: some 20 ms, in which nothing else happens on Node. */
const NODES_A_PAGE = 25;

/**
 * The hours that a look at `at` has: of the last 14 days, but for the one at hand, of which it may not be folded yet, those of that time of
 * day, as ranges of their begins.
 */
export function hoursAround(at: number): [number, number][] {
  const hour = slotOf(HOUR, at);
  return Array.from({ length: DAYS }, (_, day): [number, number] => {
    const start = hour - (DAYS - day) * DAY_MS;
    return [start - HOURS_AROUND * SLOT_MS[HOUR], start + (HOURS_AROUND + 1) * SLOT_MS[HOUR]];
  });
}

/** Hours of nodes around a time of day, kept between looks by whoever owns it: of each node those it was last asked for. */
export class HoursCache {
  readonly #hours = new Map<string, { hour: number; packed: Packed }>();
  readonly #max: number;

  constructor(maxNodes: number = MAX_CACHED_NODES) {
    this.#max = maxNodes;
  }

  get size(): number {
    return this.#hours.size;
  }

  get(clusterId: number, nodeId: number, at: number): Packed | undefined {
    const known = this.#hours.get(`${clusterId} ${nodeId}`);
    return known?.hour === slotOf(HOUR, at) ? known.packed : undefined;
  }

  set(clusterId: number, nodeId: number, at: number, packed: Packed): void {
    const key = `${clusterId} ${nodeId}`;
    this.#hours.delete(key);
    this.#hours.set(key, { hour: slotOf(HOUR, at), packed });
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > this.#max && oldest !== undefined) this.#hours.delete(oldest);
  }
}

/** Hours of each of the nodes around that time of day, the oldest first, as they are asked for. */
export async function hoursOf(
  db: Db,
  { clusterId, nodeIds, at, cache }: HoursQuery,
): Promise<(nodeId: number) => readonly Slot[]> {
  const found = new Map<number, Packed>();
  const missing = nodeIds.filter((nodeId) => {
    const known = cache?.get(clusterId, nodeId, at);
    if (known) found.set(nodeId, known);
    return !known;
  });
  for (let begin = 0; begin < missing.length; begin += NODES_A_PAGE) {
    const page = missing.slice(begin, begin + NODES_A_PAGE);
    const rows = await db.all<SlotRows>(
      slotRows(clusterId, { tier: HOUR, nodeIds: page, ranges: hoursAround(at) }),
    );
    const slots = new Map(rows.map((row) => [row.nodeId, slotsOfRows(readSlotRows(row), SLOT_MS[HOUR])]));
    for (const nodeId of page) {
      const packed = new Packed(slots.get(nodeId) ?? []);
      found.set(nodeId, packed);
      cache?.set(clusterId, nodeId, at, packed);
    }
    // A local driver works synchronously: others get their turn between two pages.
    if (begin + NODES_A_PAGE < missing.length) await new Promise((resolve) => setImmediate(resolve));
  }
  return (nodeId) => found.get(nodeId)?.slots() ?? [];
}

export type HoursQuery = {
  clusterId: number;
  nodeIds: readonly number[];
  at: number;
  cache?: HoursCache | undefined;
};
