import { sql } from "drizzle-orm";
import { maintain, type Tick } from "../../../api/maintain.ts";
import { toStoredReport } from "../../../api/stored.ts";
import type { Db } from "../../../db/client.ts";
import { insertCluster } from "../../../db/queries/clusters.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DAY, DEFAULT_RETENTION, HOUR, MINUTE, SLOT_MS, slotOf, TEN_MINUTES } from "../../../db/tiers.ts";
import type { BucketTier } from "../../../db/tiers.ts";
import { Fleet } from "../../fleet/fleet.ts";
import { markDays } from "../../fleet/history/store.ts";

export const CLUSTER = "bench";
export const INTERVAL_MS = 30_000;
const DAY_MS = SLOT_MS[DAY];
const REPORTS_A_BATCH = 48;
/** Days on which a minute of the whole fleet is simulated; Pods have come and gone between them. */
const WEEK = 7;
/** Of the whole fleet, up to now. */
const MINUTES = 3;
/** Nodes of which whole hours are simulated. */
const WHOLE_NODES = 4;

export interface Filled {
  clusterId: number;
  /** The instant up to which there are windows. */
  now: number;
  fleet: Fleet;
}

/** Takes in what a stretch of the fleet's life reports. */
export async function live(
  db: Db,
  { clusterId, fleet }: Pick<Filled, "clusterId" | "fleet">,
  asked: { from: number; to: number; node?: number },
): Promise<number> {
  let reports = 0;
  let batch = [];
  for (const { report } of fleet.reports({ ...asked, intervalMs: INTERVAL_MS })) {
    batch.push(toStoredReport(report, clusterId, report.window.to + 1_000));
    reports += 1;
    if (batch.length === REPORTS_A_BATCH) await storeReports(db, batch.splice(0));
  }
  await storeReports(db, batch);
  return reports;
}

/** One tick at that time, as long as it takes. */
export function tick(db: Db, now: number): Promise<Tick> {
  const log = (event: { level: string }) => {
    if (event.level === "error") console.error(event);
  };
  return maintain(
    { db, log, retention: DEFAULT_RETENTION, now: () => now },
    { ms: Number.POSITIVE_INFINITY },
  );
}

/**
 * A cluster with a week of history. Simulated and folded as ever: the last three minutes of all nodes and one minute of them on each
 * of the seven days before; of some nodes also the last two hours and an hour of each day. What lies between in the tiers is copied
 * from these: buckets of the same size and of the same Pods, those of the cluster with the counts of a minute. Days are folded from
 * the hours, as ever.
 */
export async function fill(db: Db, nodes: number): Promise<Filled> {
  // Inside a slot of ten minutes, so that a question meets finished buckets and the minutes of one that is not.
  const begun = slotOf(TEN_MINUTES, Date.now()) - SLOT_MS[TEN_MINUTES];
  const now = begun + MINUTES * SLOT_MS[MINUTE];
  const from = slotOf(HOUR, now - (WEEK + 1) * DAY_MS);
  const fleet = new Fleet({ seed: 7, from, clusters: [{ name: CLUSTER, nodes }] });
  const cluster = await insertCluster(db, { name: CLUSTER, createdAt: from });
  if (!cluster) throw new Error("the database is not empty");
  const filled = { clusterId: cluster.id, now, fleet };
  const days = Array.from({ length: WEEK }, (_, day) => slotOf(HOUR, now - (WEEK - day) * DAY_MS));
  for (const at of days) {
    await live(db, filled, { from: at - SLOT_MS[HOUR], to: at - SLOT_MS[HOUR] + SLOT_MS[MINUTE] });
    await liveOfSome(db, filled, { from: at, to: at + SLOT_MS[HOUR] });
    await tick(db, at + 2 * SLOT_MS[HOUR]);
  }
  const recent = slotOf(HOUR, now) - SLOT_MS[HOUR];
  await liveOfSome(db, filled, { from: recent, to: begun });
  await live(db, filled, { from: begun, to: now });
  await tick(db, now);
  for (const at of days) {
    const next = Math.min(at + DAY_MS, slotOf(HOUR, now)) - SLOT_MS[HOUR];
    await copyOfSome(db, cluster.id, { from: at, to: next });
    await copyOfAll(db, cluster.id, { at: at - SLOT_MS[HOUR], to: Math.min(next, begun), now });
  }
  await copyOfAll(db, cluster.id, { at: (days.at(-1) ?? from) - SLOT_MS[HOUR], to: begun, now });
  await markDays(db);
  await tick(db, now);
  return filled;
}

async function liveOfSome(
  db: Db,
  { clusterId, fleet }: Filled,
  { from, to }: { from: number; to: number },
): Promise<void> {
  for (let node = 0; node < WHOLE_NODES; node += 1) await live(db, { clusterId, fleet }, { from, to, node });
}

/** The hour at `from` of the nodes that have it whole, in all hours up to `to`. */
async function copyOfSome(
  db: Db,
  clusterId: number,
  { from, to }: { from: number; to: number },
): Promise<void> {
  const range = { from, to: from + SLOT_MS[HOUR] };
  for (const tier of [TEN_MINUTES, HOUR] as const)
    await shifted(db, { clusterId, tier, nodes: "> 0", range, by: shifts(HOUR, from, to) });
}

/** The minute of the cluster at `at`, and what was folded from it, up to `to`; minutes where questions read them. */
async function copyOfAll(
  db: Db,
  clusterId: number,
  { at, to, now }: { at: number; to: number; now: number },
): Promise<void> {
  for (const tier of [MINUTE, TEN_MINUTES, HOUR] as const) {
    const range = { from: at, to: at + SLOT_MS[tier] };
    const by = shifts(tier, at, slotOf(tier, to));
    const read = tier === MINUTE ? by.filter((shift) => isRead(now - at - shift)) : by;
    await shifted(db, { clusterId, tier, nodes: "= 0", range, by: read });
  }
}

const isRead = (ago: number) =>
  ago <= 2 * SLOT_MS[HOUR] || (ago >= DAY_MS - SLOT_MS[HOUR] && ago <= DAY_MS + SLOT_MS[HOUR]);

const shifts = (tier: BucketTier, from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, (to - from) / SLOT_MS[tier] - 1) }, (_, i) => (i + 1) * SLOT_MS[tier]);

/** The week before now again and again, earlier and earlier, in the tiers that are kept so long. */
export async function fillBack(db: Db, { clusterId, now }: Filled, days: number): Promise<void> {
  const range = { from: now - WEEK * DAY_MS, to: now };
  const today = slotOf(DAY, now);
  for (let back = WEEK; back < days; back += WEEK) {
    const by = [-back * DAY_MS];
    for (const tier of back < 14 ? ([HOUR, TEN_MINUTES] as const) : ([HOUR] as const))
      await shifted(db, { clusterId, tier, nodes: ">= 0", range, by });
    const whole = { from: today - WEEK * DAY_MS, to: today };
    await shifted(db, { clusterId, tier: DAY, nodes: ">= 0", range: whole, by });
  }
}

type Shifted = {
  clusterId: number;
  tier: BucketTier;
  /** Condition of their ids. */
  nodes: string;
  range: { from: number; to: number };
  by: readonly number[];
};

async function shifted(db: Db, { clusterId, tier, nodes, range, by }: Shifted): Promise<void> {
  const columns = await db.all<{ name: string }>(sql`select name from pragma_table_info('samples')`);
  const others = columns.map(({ name }) => name).filter((name) => !["start", "end"].includes(name));
  const names = sql.raw(others.map((name) => `s."${name}"`).join(", "));
  const into = sql.raw(others.map((name) => `"${name}"`).join(", "));
  const slots = JSON.stringify(by);
  const which = (of: string) =>
    sql`${sql.raw(`${of}.cluster_id`)} = ${clusterId} and ${sql.raw(of)}.tier = ${tier} and ${sql.raw(`${of}.node_id ${nodes}`)}
      and ${sql.raw(of)}.start >= ${range.from} and ${sql.raw(of)}.start < ${range.to}`;
  await db.batch([
    db.run(sql`
      insert or replace into buckets (cluster_id, tier, node_id, start, data)
      select b.cluster_id, b.tier, b.node_id, b.start + value, b.data from json_each(${slots}) cross join buckets b
      where ${which("b")}`),
    db.run(sql`
      insert or replace into samples (start, end, ${into})
      select s.start + value, s.end + value, ${names} from json_each(${slots}) cross join samples s
      where ${which("s")}`),
  ]);
}
