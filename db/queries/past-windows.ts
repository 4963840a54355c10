import type { Db } from "../client.ts";
import type { Look, Need } from "../look.ts";
import type { HoursCache, WindowToJudge } from "./look.ts";

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

/** What nodes of a cluster reported in windows that begin in [from, to), by their begins, page by page. */
export async function* windowsIn(
  _db: Db,
  _clusterId: number,
  _query: PastQuery,
): AsyncGenerator<PastWindow[]> {}
