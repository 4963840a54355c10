import { sql } from "drizzle-orm";
import { decodeBucket } from "../../bucket.ts";
import type { Db } from "../../client.ts";
import { factsOfSources } from "../../look/flow-facts.ts";
import type { Flows, Party } from "../../look.ts";
import { keyOfParty, partyOf } from "../../look/parties.ts";
import { HOUR, SLOT_MS, slotOf } from "../../tiers.ts";
import { decoded } from "./decoded.ts";

/** A median of fewer hours says nothing of what is usual. */
export const MIN_HOURS = 6;
/** Owners at most, those with most entries. */
export const MAX_MEDIANS = 5;
const HOURS = 24;

type Blob = { data: ArrayBuffer | number[] };

/**
 * The flows, with what is usual of the largest owners: of each the median of the most entries it had in each of the hours of the day before
 * in which it had any. The hour at hand and the one before it are left out: they may not be folded yet.
 */
export async function withDayMedians(
  db: Db,
  flows: Flows,
  {
    clusterId,
    nodeId,
    at,
    medianFrom,
    hostOf,
    onDamaged,
  }: {
    clusterId: number;
    nodeId: number;
    at: number;
    medianFrom: number;
    hostOf: (address: string) => Party | undefined;
    onDamaged?: (() => void) | undefined;
  },
): Promise<Flows> {
  const wanted = flows.parties
    .filter(({ entries }) => entries >= medianFrom)
    .slice(0, MAX_MEDIANS)
    .map(({ party }) => keyOfParty(party));
  if (wanted.length === 0) return flows;
  const end = slotOf(HOUR, at) - SLOT_MS[HOUR];
  const rows = await db.all<Blob>(sql`
    select data from buckets
    where cluster_id = ${clusterId} and tier = ${HOUR} and node_id = ${nodeId}
      and start >= ${end - HOURS * SLOT_MS[HOUR]} and start < ${end}`);
  const hours = new Map<string, number[]>(wanted.map((key) => [key, []]));
  for (const { data } of rows) {
    const table = decoded(() => decodeBucket(new Uint8Array(data), ["source"]).source, onDamaged);
    const entries = new Map<string, number>();
    for (const { address, owner, ...fact } of table ? factsOfSources(table) : []) {
      const key = keyOfParty(hostOf(address) ?? partyOf(address, owner));
      if (hours.has(key)) entries.set(key, (entries.get(key) ?? 0) + fact.entries);
    }
    for (const [key, value] of entries) hours.get(key)?.push(value);
  }
  const parties = flows.parties.map((row) => {
    const values = hours.get(keyOfParty(row.party)) ?? [];
    return values.length < MIN_HOURS ? row : { ...row, dayMedian: medianOf(values) };
  });
  return { ...flows, parties };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
