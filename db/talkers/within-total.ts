import { isCount, MEASURES } from "../fold/measures.ts";
import type { Amounts, Measure } from "../fold/measures.ts";
import type { Bounds } from "../fold/table.ts";
import type { Part, Ranked } from "./ranking.ts";

/**
 * What was ranked of the sources of a peer, held against what the peer had in all, which a table with fewer rows knows better: what
 * is in no row is the remainder, and bounds what rows lack. Of gauges the total is the most the peer had at once; the rows' own
 * peaks, which may be at other times, may add up to more. `whole`: rows of the peer alone. `single`: there can be but one.
 */
export function withinTotal(
  ranked: Ranked,
  whole: Ranked,
  { single, limit }: { single: boolean; limit: number },
): Ranked {
  const { rankedBy } = ranked;
  const remainder: Amounts = { rows: ranked.remainder.amounts.rows };
  const total: Amounts = { rows: ranked.total.rows };
  const [lack, missing]: [Bounds, Bounds] = [{ ...ranked.lack }, { ...ranked.missing }];
  for (const measure of MEASURES) {
    const held = measure === "peers" ? undefined : heldOf(ranked, whole, measure);
    if (!held) continue;
    total[measure] = held.all;
    remainder[measure] = held.rest;
    if (!single) continue;
    bound(lack, measure, held.short);
    bound(missing, measure, held.unseen);
  }
  const share = (amounts: Amounts) => (total[rankedBy] ? (amounts[rankedBy] ?? 0) / total[rankedBy] : 0);
  const part = <P extends Part>(one: P): P => ({ ...one, share: share(one.amounts) });
  const least = ranked.rows.length < limit ? 0 : (ranked.rows.at(-1)?.amounts[rankedBy] ?? 0);
  return {
    rankedBy,
    rows: ranked.rows.map(part),
    remainder: { amounts: remainder, share: share(remainder) },
    unattributed: ranked.unattributed && part(ranked.unattributed),
    total,
    lack,
    missing,
    exact: (lack[rankedBy] ?? 0) === 0 && (missing[rankedBy] ?? 0) <= least,
  };
}

/**
 * Of one measure: what the peer had in all, what of it is in no row, and, as far as all of it is of one peer, how much of it a row may
 * be short of, and a key without one may have. Undefined where nobody knows.
 */
function heldOf(ranked: Ranked, whole: Ranked, measure: Measure) {
  const { rows, unattributed, remainder } = ranked;
  const known = whole.total[measure] ?? ranked.total[measure];
  if (known === undefined) return undefined;
  const values = [...rows, ...(unattributed ? [unattributed] : [])].map(
    ({ amounts }) => amounts[measure] ?? 0,
  );
  const listed = values.reduce((sum, value) => sum + value, 0);
  const adds = isCount(measure);
  const all = Math.max(known, ...(adds ? [ranked.total[measure] ?? 0] : values));
  // The peer itself may be short of something; without a row it may be short of all that a key without one may have.
  const most = all + ((whole.rows.length > 0 ? whole.lack : whole.missing)[measure] ?? 0);
  return {
    all,
    rest: Math.max(all - listed, remainder.amounts[measure] ?? 0),
    short: most - (adds ? listed : Math.min(...values)),
    unseen: most - (adds ? listed : 0),
  };
}

function bound(bounds: Bounds, measure: Measure, most: number): void {
  const before = bounds[measure];
  if (before === undefined) return;
  if (most > 0) bounds[measure] = Math.min(before, most);
  else delete bounds[measure];
}
