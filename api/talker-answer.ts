import type * as z from "zod";
import { MEASURES } from "../db/fold/measures.ts";
import type { Amounts, Measure } from "../db/fold/measures.ts";
import type { Owner } from "../db/fold/table.ts";
import type { Part } from "../db/talkers/ranking.ts";
import type { By } from "../db/talkers/source.ts";
import { TIERS } from "../db/tiers.ts";
import { toTime } from "./contract.ts";
import { toCsv } from "./csv.ts";
import type { Cell } from "./csv.ts";
import type { FleetAnswer } from "./fleet.ts";
import { namesOf, peerIn } from "./talker-rows.ts";
import type { Talkers } from "./top.ts";
import type { Slice } from "./window.ts";

type Row = z.infer<typeof Talkers>["talkers"][number];

/** The rows by name; `ownersOf` says who holds addresses of a cluster, and is asked once a cluster. */
export async function namedRows(
  by: By,
  rows: FleetAnswer["rows"],
  ownersOf: (cluster: string, addresses: readonly string[]) => Promise<Map<string, Owner>>,
): Promise<Row[]> {
  const owners = new Map<string, Map<string, Owner>>();
  for (const [cluster, own] of Map.groupBy(rows, (row) => row.cluster)) {
    const peers = new Set(own.flatMap(({ key }) => peerIn(by, key) ?? []));
    if (peers.size > 0) owners.set(cluster, await ownersOf(cluster, [...peers]));
  }
  return rows.map(({ cluster, key, amounts, share, perSecond }) => ({
    cluster,
    ...namesOf(by, key, (address) => owners.get(cluster)?.get(address)),
    ...measuresOf(amounts),
    ...(perSecond !== undefined && { perSecond }),
    share,
  }));
}

/** What was asked. */
export interface Asked {
  by: By;
  metric: Measure;
  window: Slice;
  clusters: number;
}

export function jsonOf(
  { by, metric, window, clusters }: Asked,
  talkers: Row[],
  answer: FleetAnswer,
): z.infer<typeof Talkers> {
  const { rankedBy, remainder, unattributed, total, exact, lack, missing, peaksAdded } = answer;
  return {
    by,
    metric,
    rankedBy,
    talkers,
    remainder: { rows: remainder.amounts.rows, ...partOf(remainder) },
    ...(unattributed && { unattributed: partOf(unattributed) }),
    total: { rows: total.rows, ...measuresOf(total) },
    exact,
    lack,
    missing,
    peaksAdded,
    window: windowOf(answer, window, clusters),
  };
}

/** The rows, then what is not attributed, then the remainder: what each line is stands first in it. */
export function csvOf(by: By, talkers: readonly Row[], answer: FleetAnswer): string {
  const names = namesOf(by, "", () => undefined);
  const columns = ["row", "cluster", ...Object.keys(flat(names)), ...MEASURES, "perSecond", "share"];
  const { remainder, unattributed } = answer;
  return toCsv(columns, [
    ...talkers.map((row) => ({ row: "talker", ...flat(row) })),
    ...(unattributed ? [{ row: "unattributed", ...partOf(unattributed) }] : []),
    { row: "remainder", ...partOf(remainder) },
  ]);
}

const OWNER_FIELDS = ["kind", "namespace", "name", "workloadKind", "workload"] as const;

/** Owners as columns of their own: `peerOwner.name`. */
function flat(row: object): Record<string, Cell> {
  const cells: Record<string, Cell> = {};
  for (const [name, value] of Object.entries(row) as [string, Cell | Record<string, Cell>][])
    if (name !== "owner" && name !== "peerOwner") cells[name] = value as Cell;
    else
      for (const field of OWNER_FIELDS)
        cells[`${name}.${field}`] = (value as Record<string, Cell> | null)?.[field];
  return cells;
}

export function windowOf({ pieces, coveredMs, foldedUntil }: FleetAnswer, asked: Slice, clusters: number) {
  const tier = TIERS[Math.min(...pieces.map((piece) => piece.tier))];
  return {
    from: toTime(pieces.reduce((from, piece) => Math.min(from, piece.from), pieces[0]?.from ?? asked.from)),
    to: toTime(pieces.reduce((to, piece) => Math.max(to, piece.to), pieces[0]?.to ?? asked.to)),
    coveredSeconds: coveredMs / 1000,
    ...(foldedUntil !== undefined && { foldedUntil: toTime(foldedUntil) }),
    ...(tier && { tier }),
    ...(clusters === 1 && {
      pieces: pieces.map(({ tier, from, to }) => ({ tier: TIERS[tier], from: toTime(from), to: toTime(to) })),
    }),
  };
}

const partOf = ({ amounts, share }: Part) => ({ ...measuresOf(amounts), share });

function measuresOf({ rows: _rows, ...measures }: Amounts) {
  return measures;
}
