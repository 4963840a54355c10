import { sql } from "drizzle-orm";
import { decodeBucket } from "../../bucket.ts";
import type { Db } from "../../client.ts";
import type { Table } from "../../fold/table.ts";
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
 * in which it had any, of a Pod that is too new for that those of its workload, and of all owners together. The hour at hand and the one
 * before it are left out: they may not be folded yet.
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
  const wanted = flows.parties.filter(({ entries }) => entries >= medianFrom).slice(0, MAX_MEDIANS);
  if (wanted.length === 0) return flows;
  const end = slotOf(HOUR, at) - SLOT_MS[HOUR];
  const rows = await db.all<Blob>(sql`
    select data from buckets
    where cluster_id = ${clusterId} and tier = ${HOUR} and node_id = ${nodeId}
      and start >= ${end - HOURS * SLOT_MS[HOUR]} and start < ${end}`);
  const hours = rows.flatMap(({ data }) => {
    const table = decoded(() => decodeBucket(new Uint8Array(data), ["source"]).source, onDamaged);
    return table ? [hourOf(table, hostOf)] : [];
  });
  const known = new Map(wanted.map(({ party }) => [keyOfParty(party), usualOf(party, hours)]));
  const parties = flows.parties.map((row) => {
    const dayMedian = known.get(keyOfParty(row.party));
    return dayMedian === undefined ? row : { ...row, dayMedian };
  });
  const isAnyKnown = parties.some(({ dayMedian }) => dayMedian !== undefined);
  return isAnyKnown ? { ...flows, parties, dayMedian: medianOf(hours.map(({ all }) => all)) } : flows;
}

/** Entries of an hour, by owner and by workload. */
type Hour = { all: number; owners: Map<string, number>; workloads: Map<string, number> };

function hourOf(table: Table, hostOf: (address: string) => Party | undefined): Hour {
  const hour: Hour = { all: table.rest.entries ?? 0, owners: new Map(), workloads: new Map() };
  const add = (sums: Map<string, number>, key: string, entries: number) =>
    sums.set(key, (sums.get(key) ?? 0) + entries);
  for (const { address, owner, entries } of factsOfSources(table)) {
    const party = hostOf(address) ?? partyOf(address, owner);
    hour.all += entries;
    add(hour.owners, keyOfParty(party), entries);
    const workload = workloadOf(party);
    if (workload !== undefined) add(hour.workloads, workload, entries);
  }
  return hour;
}

function usualOf(party: Party, hours: readonly Hour[]): number | undefined {
  const key = keyOfParty(party);
  const own = hours.flatMap(({ owners }) => owners.get(key) ?? []);
  if (own.length >= MIN_HOURS) return medianOf(own);
  const workload = workloadOf(party);
  const all = workload === undefined ? [] : hours.flatMap(({ workloads }) => workloads.get(workload) ?? []);
  return all.length >= MIN_HOURS ? medianOf(all) : undefined;
}

const workloadOf = ({ namespace = "", workloadKind = "", workload }: Party): string | undefined =>
  workload === undefined ? undefined : [namespace, workloadKind, workload].join("\0");

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
