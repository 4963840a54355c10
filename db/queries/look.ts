import type { Db } from "../client.ts";
import type { Look, Need, NodeWindow } from "../look.ts";
import type { HoursCache } from "./look/hours-cache.ts";

export { HoursCache } from "./look/hours-cache.ts";
export { LATE_MS, windowsToJudge } from "./look/to-judge.ts";
export type { WindowToJudge } from "./look/to-judge.ts";

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
