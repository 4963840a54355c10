import type * as z from "zod";
import { fieldsOf } from "../db/fold/keys.ts";
import type { Amounts } from "../db/fold/measures.ts";
import type { SourcesAnswer } from "../db/queries/sources.ts";
import type { Part } from "../db/talkers/ranking.ts";
import type { SourceBy, Ways } from "../db/talkers/sources.ts";
import { toCsv } from "./csv.ts";
import type { Cell } from "./csv.ts";
import type { FleetAnswer } from "./fleet.ts";
import { MAX_WAYS, SOURCE_METRICS } from "./sources.ts";
import type { SourceRows } from "./sources.ts";
import { workloadOf } from "./talker-rows.ts";

type Names = {
  [B in SourceBy]: Omit<z.infer<(typeof SourceRows)[B]>, "cluster" | "share" | "openedPerSecond">;
};

/** What a row is, by its key and by how its flows reach the peer. */
const NAMES: { [B in SourceBy]: (key: string, ways: Ways) => Names[B] } = {
  pod: (key, ways) => {
    const { name, kind, node, ...owner } = fieldsOf("owner", key);
    return { pod: name, kind, ...workloadOf(owner), node, ...reached(ways) };
  },
  workload: (key, ways) => ({ ...workloadOf(fieldsOf("workload", key)), ...reached(ways) }),
  namespace: (key, ways) => ({ ...fieldsOf("namespace", key), ...reached(ways) }),
  address: (key, ways) => ({ address: key, ...reached(ways) }),
  cluster: (_, ways) => reached(ways),
  "nat-address": (key, { nodes }) => ({
    natAddress: key || null,
    nodes: [...nodes].slice(0, MAX_WAYS),
    nodeCount: nodes.size,
  }),
};

const reached = ({ natAddresses, direct }: Ways) => ({
  natAddresses: [...natAddresses].slice(0, MAX_WAYS),
  natAddressCount: natAddresses.size,
  direct,
});

/** What was found in each cluster, by its name. */
type Found = ReadonlyMap<string, Pick<SourcesAnswer, "ways" | "coveredMs">>;
const NO_WAYS: Ways = { natAddresses: new Set(), nodes: new Set(), direct: false };

export const sourceRows = (by: SourceBy, { rows }: FleetAnswer, found: Found) =>
  rows.map(({ cluster, key, amounts, share }) => {
    const { ways, coveredMs = 0 } = found.get(cluster) ?? {};
    return {
      cluster,
      ...NAMES[by](key, ways?.(key) ?? NO_WAYS),
      ...measuresOf(amounts),
      ...perSecond(amounts, coveredMs),
      share,
    };
  });
export type SourceRow = ReturnType<typeof sourceRows>[number];

export const jsonParts = ({ remainder, unattributed, total, coveredMs, ...answer }: FleetAnswer) => ({
  remainder: { rows: remainder.amounts.rows, ...partOf(remainder) },
  ...(unattributed && { unattributed: partOf(unattributed) }),
  total: { ...measuresOf(total), ...perSecond(total, coveredMs) },
  exact: answer.exact,
  lack: measuresOf(answer.lack),
  missing: measuresOf(answer.missing),
  peaksAdded: answer.peaksAdded,
});

/** The rows, what is not attributed, the remainder and the total: what each line is stands first in it. Lists are parted by spaces. */
export function sourcesCsv(by: SourceBy, rows: readonly SourceRow[], answer: FleetAnswer): string {
  const names = Object.keys(NAMES[by]("", NO_WAYS));
  const columns = ["row", "cluster", ...names, ...SOURCE_METRICS, "openedPerSecond", "share"];
  const { remainder, unattributed, total, coveredMs } = answer;
  return toCsv(columns, [
    ...rows.map((row) => ({ row: "source", ...cells(row) })),
    ...(unattributed ? [{ row: "unattributed", ...partOf(unattributed) }] : []),
    { row: "remainder", ...partOf(remainder) },
    { row: "total", ...measuresOf(total), ...perSecond(total, coveredMs) },
  ]);
}

function cells(row: object): Record<string, Cell> {
  const flat: Record<string, Cell> = {};
  for (const [name, value] of Object.entries(row) as [string, Cell | boolean | string[]][])
    if (Array.isArray(value)) flat[name] = value.join(" ");
    else flat[name] = typeof value === "boolean" ? String(value) : value;
  return flat;
}

const partOf = ({ amounts, share }: Part) => ({ ...measuresOf(amounts), share });

const perSecond = ({ opened }: Partial<Amounts>, coveredMs: number) =>
  opened === undefined || coveredMs === 0 ? {} : { openedPerSecond: (opened * 1000) / coveredMs };

function measuresOf(amounts: Partial<Amounts>) {
  const told: Partial<Record<(typeof SOURCE_METRICS)[number], number>> = {};
  for (const metric of SOURCE_METRICS) {
    const value = amounts[metric];
    if (value !== undefined) told[metric] = value;
  }
  return told;
}
