import type { Db } from "../client.ts";
import { isFilter } from "../holdings/filter.ts";
import type { FlowFilter } from "../holdings/filter.ts";
import { MEASURES } from "../holdings/holdings.ts";
import type { Amounts, Count, Holdings, Measure } from "../holdings/holdings.ts";
import { countsOf } from "../holdings/tally.ts";
import { decodeSegment, decodeTalkers } from "../segment.ts";
import { matchingSources, sources, sourcesWithTraffic } from "../holdings/sources.ts";
import { rankedTally } from "./ranked-tally.ts";
import type { WindowRange } from "./windows.ts";

export const TALKER_METRICS = MEASURES;
export type TalkerMetric = Measure;

/** Windows that overlap [from, to) count. Addresses in canonical form (see canonicalAddress). */
export type TalkerQuery = WindowRange &
  FlowFilter & {
    /** Names the one row to list: everybody else is the remainder. */
    source?: string | undefined;
    limit: number;
    /** What to rank by; entries by default. */
    metric?: TalkerMetric | undefined;
  };

/** Counts are undefined where nobody knows (bytes without accounting). */
export type Measures = { entries: number; snatEntries: number; unreplied: number } & {
  [count in Count]?: number | undefined;
};

/**
 * Each gauge is the most the source held in any one window of a node, added over the nodes; each count is what happened in
 * all windows together. `share` is its part of the total by what ranked, or by entries where peers did, which do not add up.
 */
export type Talker = Measures & { address: string; peers: number; share: number };

export type TalkerAnswer = {
  /** The metric asked for, or entries where no row of the range knows that. */
  rankedBy: TalkerMetric;
  talkers: Talker[];
  /** Everyone not listed, taken together: the most they all held in any one window. */
  remainder: Measures & { sources: number; share: number };
  /** Rows and remainder added up. */
  total: Measures & { sources: number };
  /** False where reports had folded something away that may belong to a row. */
  exact: boolean;
  /** Entries so folded: no row can be short of more than this. 0 where exact. */
  unlisted: number;
  /** Windows that were looked at. */
  windows: number;
};

/**
 * The sources that use the table most, largest first. Filters other than `source` narrow the answer to the flow
 * groups that match, of which reports list only the largest: see `exact`.
 */
export async function topTalkers(db: Db, query: TalkerQuery): Promise<TalkerAnswer> {
  const { source, metric = "entries", limit } = query;
  const filter = { ...query, source: undefined };
  const { listed, remainder, total, known, exact, unlisted, windows } = await rankedTally(db, query, {
    read: reader(filter, metric),
    filtered: isFilter(filter),
    metric,
    limit,
    only: source === undefined ? undefined : [source],
  });
  return {
    rankedBy: known ? metric : "entries",
    talkers: listed.map(({ key, amounts, share }) => {
      return { address: key, ...measures(amounts), peers: amounts.peers ?? 0, share };
    }),
    remainder: { sources: remainder.amounts.rows, ...measures(remainder.amounts), share: remainder.share },
    total: { sources: total.rows, ...measures(total) },
    exact,
    unlisted,
    windows,
  };
}

function reader(filter: FlowFilter, metric: TalkerMetric): (data: Uint8Array) => Holdings {
  if (isFilter(filter)) return (data) => matchingSources(decodeSegment(data), filter);
  const traffic = metric === "bytes" || metric === "packets";
  return traffic ? (data) => sourcesWithTraffic(decodeSegment(data)) : (data) => sources(decodeTalkers(data));
}

function measures(amounts: Amounts): Measures {
  const { entries = 0, snatEntries = 0, unreplied = 0 } = amounts;
  return { entries, snatEntries, unreplied, ...countsOf(amounts) };
}
