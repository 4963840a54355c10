import type { Db } from "../client.ts";
import type { Look, Need, NodeWindow } from "../look.ts";
import { loadDetails } from "./look/details.ts";
import { loadFlows } from "./look/flows.ts";
import { hoursOf } from "./look/hours-cache.ts";
import type { HoursCache } from "./look/hours-cache.ts";
import { loadTrend } from "./look/trend.ts";
import { peerWindows, recentWindows } from "./look/windows.ts";

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
export async function loadLook(
  db: Db,
  { clusterId, window, need, cache, onDamaged }: LookQuery,
): Promise<Look> {
  const ofReport = { clusterId, window, medianFrom: need.flows?.medianFrom, onDamaged };
  const hours = () => hoursOf(db, { clusterId, nodeIds: [window.nodeId], at: window.to, cache });
  const inDetails = need.ports ?? need.ages ?? need.invalid;
  const [recent, trend, hoursOfNode, peers, flows, details] = await Promise.all([
    recentWindows(db, clusterId, window),
    need.trend && loadTrend(db, clusterId, window),
    need.hours && hours(),
    need.peers && peerWindows(db, clusterId, window),
    need.flows && loadFlows(db, ofReport),
    inDetails && loadDetails(db, ofReport, need),
  ]);
  return { window, recent, trend, hours: hoursOfNode?.(window.nodeId), peers, flows, ...details };
}
