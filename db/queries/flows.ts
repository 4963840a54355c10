import type { Db } from "../client.ts";
import { isFilter } from "../holdings/filter.ts";
import type { FlowFilter } from "../holdings/filter.ts";
import { flowGroupOf, flowGroups } from "../holdings/groups.ts";
import type { FlowGroup } from "../holdings/groups.ts";
import { COUNTS } from "../holdings/holdings.ts";
import type { Amounts } from "../holdings/holdings.ts";
import { countsOf } from "../holdings/tally.ts";
import { decodeSegment } from "../segment.ts";
import { rankedTally } from "./ranked-tally.ts";
import type { Measures } from "./talkers.ts";
import type { WindowRange } from "./windows.ts";

export type { FlowGroup } from "../holdings/groups.ts";

export const FLOW_METRICS = ["entries", "unreplied", ...COUNTS] as const;
export type FlowMetric = (typeof FLOW_METRICS)[number];

/** Windows that overlap [from, to) count. Addresses in canonical form (see canonicalAddress). */
export type FlowQuery = WindowRange &
  FlowFilter & {
    limit: number;
    /** What to rank by; entries by default. */
    metric?: FlowMetric | undefined;
  };

type FlowMeasures = Omit<Measures, "snatEntries">;

/** A flow group, its measures and its share as of a talker. */
export type Flow = FlowGroup & FlowMeasures & { share: number };

/** As of talkers. With a filter, total and remainder are of what matches. */
export type FlowAnswer = {
  rankedBy: FlowMetric;
  flows: Flow[];
  remainder: FlowMeasures & { groups: number; share: number };
  total: FlowMeasures & { groups: number };
  exact: boolean;
  unlisted: number;
  windows: number;
};

/** The flow groups that match, largest first. */
export async function topFlows(db: Db, query: FlowQuery): Promise<FlowAnswer> {
  const { metric = "entries", limit } = query;
  const { listed, remainder, total, known, exact, unlisted, windows } = await rankedTally(db, query, {
    read: (data) => flowGroups(decodeSegment(data), query),
    filtered: isFilter(query),
    metric,
    limit,
  });
  return {
    rankedBy: known ? metric : "entries",
    flows: listed.map(({ key, amounts, share }) => ({ ...flowGroupOf(key), ...measures(amounts), share })),
    remainder: { groups: remainder.amounts.rows, ...measures(remainder.amounts), share: remainder.share },
    total: { groups: total.rows, ...measures(total) },
    exact,
    unlisted,
    windows,
  };
}

function measures(amounts: Amounts): FlowMeasures {
  const { entries = 0, unreplied = 0 } = amounts;
  return { entries, unreplied, ...countsOf(amounts) };
}
