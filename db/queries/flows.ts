import type { Db } from "../client.ts";
import { isFilter } from "../holdings/filter.ts";
import type { FlowFilter } from "../holdings/filter.ts";
import { flowGroupOf, flowGroups } from "../holdings/groups.ts";
import type { FlowGroup } from "../holdings/groups.ts";
import type { Amounts } from "../holdings/holdings.ts";
import { decodeSegment } from "../segment.ts";
import { rankedTally } from "./ranked-tally.ts";
import type { Measures } from "./talkers.ts";
import type { WindowRange } from "./windows.ts";

export type { FlowGroup } from "../holdings/groups.ts";

export const FLOW_METRICS = ["entries", "unreplied", "bytes", "packets"] as const;
export type FlowMetric = (typeof FLOW_METRICS)[number];

/** Windows that overlap [from, to) count. Addresses in canonical form (see canonicalAddress). */
export type FlowQuery = WindowRange &
  FlowFilter & {
    limit: number;
    /** What to rank by; entries by default. */
    metric?: FlowMetric | undefined;
  };

type FlowMeasures = Omit<Measures, "snatEntries">;

/** A flow group with the most it held in any one window of a node, added over the nodes; `share` as of a talker. */
export type Flow = FlowGroup & FlowMeasures & { share: number };

/** As of talkers. With a filter, total and remainder are of what matches. */
export type FlowAnswer = {
  flows: Flow[];
  remainder: FlowMeasures & { groups: number; share: number };
  total: FlowMeasures & { groups: number };
  exact: boolean;
  unlisted: number;
  windows: number;
};

/** The flow groups that match, largest first. */
export async function topFlows(db: Db, query: FlowQuery): Promise<FlowAnswer> {
  const { listed, remainder, total, exact, unlisted, windows } = await rankedTally(db, query, {
    read: (data) => flowGroups(decodeSegment(data), query),
    filtered: isFilter(query),
    metric: query.metric ?? "entries",
    limit: query.limit,
  });
  return {
    flows: listed.map(({ key, amounts, share }) => ({ ...flowGroupOf(key), ...measures(amounts), share })),
    remainder: { groups: remainder.amounts.rows, ...measures(remainder.amounts), share: remainder.share },
    total: { groups: total.rows, ...measures(total) },
    exact,
    unlisted,
    windows,
  };
}

function measures({ entries = 0, unreplied = 0, bytes, packets }: Amounts): FlowMeasures {
  return {
    entries,
    unreplied,
    ...(bytes === undefined ? {} : { bytes }),
    ...(packets === undefined ? {} : { packets }),
  };
}
