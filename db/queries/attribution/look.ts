import type { LeaseWindow } from "../../attribution/timeline.ts";
import { findLeases, type LeaseFilter, type OpenedLeases, openLeases } from "../../details.ts";
import { SegmentError } from "../../segment.ts";
import type { StoredWindow } from "./windows.ts";

/** The leases of a window. What does not decode says nothing: as if the window had no details. */
export const openedOf = (details: Uint8Array | undefined): OpenedLeases | undefined =>
  details && unlessDamaged(() => openLeases(details));

/** A window with the rows that a filter takes; see findLeases for the limit. */
export function lookedAt(
  { nodeId: _nodeId, ...window }: Omit<StoredWindow, "details">,
  opened: OpenedLeases | undefined,
  filter: LeaseFilter,
  limit: number,
): LeaseWindow {
  const found = opened && unlessDamaged(() => findLeases(opened, window.from, filter, limit));
  return { ...window, found: found ?? null };
}

export const rowsOf = ({ found }: LeaseWindow): number =>
  (found?.changes?.rows.length ?? 0) + (found?.keyframe?.rows.length ?? 0);

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SegmentError) return undefined;
    throw error;
  }
}
