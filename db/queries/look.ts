import type { Db } from "../client.ts";
import type { Look, Need, NodeWindow } from "../look.ts";
import type { HoursCache } from "./look/hours-cache.ts";

export { HoursCache } from "./look/hours-cache.ts";

/** A window that came, and whether it may be judged. */
export type WindowToJudge = {
  /** Of its row of segments. */
  id: number;
  clusterId: number;
  window: NodeWindow;
  /**
   * It is not to be judged: a window of the node that begins later was stored before it, or it ended more than LATE_MS before it came, or
   * its node or cluster is gone.
   */
  late: boolean;
  /** When the window of the node that begins before it ended, the latest of them; undefined where there is none. */
  previousTo?: number | undefined;
};

/** A window that ended so long before it was received is never judged. */
export const LATE_MS = 600_000;

/** What came after a row of segments, up to another, in the order in which it came; at most `limit`. */
export async function windowsToJudge(
  _db: Db,
  _page: { after: number; until: number; limit: number },
): Promise<WindowToJudge[]> {
  return [];
}

export type LookQuery = {
  clusterId: number;
  window: NodeWindow;
  need: Need;
  /** Keeps hours between looks. */
  cache?: HoursCache | undefined;
  /** Told of each blob that does not decode: what it would have said is then not known. */
  onDamaged?: (() => void) | undefined;
};

/** A window and what is asked for about it: nothing that came after it, and nothing of later than it. */
export async function loadLook(_db: Db, { window }: LookQuery): Promise<Look> {
  return { window, recent: [] };
}
