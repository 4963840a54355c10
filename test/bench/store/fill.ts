import { sql } from "drizzle-orm";
import { maintain, type Tick } from "../../../api/maintain.ts";
import { toStoredReport } from "../../../api/stored.ts";
import type { Db } from "../../../db/client.ts";
import { insertCluster } from "../../../db/queries/clusters.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION, HOUR, MINUTE, SLOT_MS, slotOf, TEN_MINUTES } from "../../../db/tiers.ts";
import type { BucketTier } from "../../../db/tiers.ts";
import { Fleet } from "../../fleet/fleet.ts";

export const CLUSTER = "bench";
export const INTERVAL_MS = 30_000;
const DAY_MS = 24 * SLOT_MS[HOUR];
const REPORTS_A_BATCH = 48;
/** Days on which a minute of the whole fleet is simulated; Pods have come and gone between them. */
const DAYS = 7;

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
    if (event.level !== "info") console.error(event);
  };
  return maintain(
    { db, log, retention: DEFAULT_RETENTION, now: () => now },
    { ms: Number.POSITIVE_INFINITY },
  );
}

/**
 * A cluster with a history. Simulated and folded as ever: the last `minutes` of all nodes, one minute of all nodes on each of the
 * seven days before, and three days of the first node. What lies between in the tiers of the cluster is copied from the day's
 * own: buckets of the same size and of the same Pods, though with the counts of a minute.
 */
export async function fill(
  db: Db,
  { nodes, days, minutes }: { nodes: number; days: number; minutes: number },
): Promise<Filled> {
  // Inside a slot of ten minutes, so that a question meets finished buckets and the minutes of one that is not.
  const now = slotOf(TEN_MINUTES, Date.now()) - 7 * SLOT_MS[MINUTE];
  const [from, begun] = [slotOf(HOUR, now - (DAYS + 1) * DAY_MS), now - minutes * SLOT_MS[MINUTE]];
  const fleet = new Fleet({ seed: 7, from, clusters: [{ name: CLUSTER, nodes }] });
  const cluster = await insertCluster(db, { name: CLUSTER, createdAt: from });
  if (!cluster) throw new Error("the database is not empty");
  const filled = { clusterId: cluster.id, now, fleet };
  const dayStarts = Array.from({ length: DAYS }, (_, day) => slotOf(HOUR, now - (DAYS - day) * DAY_MS));
  for (const [day, at] of dayStarts.entries()) {
    await live(db, filled, { from: at, to: at + SLOT_MS[MINUTE] });
    const next = dayStarts[day + 1] ?? begun;
    if (next > now - 3 * DAY_MS) await live(db, filled, { from: at + SLOT_MS[MINUTE], to: next, node: 0 });
    await tick(db, Math.min(now, next + 2 * SLOT_MS[HOUR]));
    console.error(`  ${DAYS - day} days back, ${nodes} nodes`);
  }
  await live(db, filled, { from: begun, to: now });
  await tick(db, now);
  for (const at of dayStarts) {
    const until = (tier: BucketTier) => Math.min(at + DAY_MS, slotOf(tier, begun));
    for (const tier of [MINUTE, TEN_MINUTES, HOUR] as const)
      if (tier !== MINUTE || at >= now - 2 * DAY_MS - SLOT_MS[HOUR])
        await copyOver(db, cluster.id, { tier, from: at, to: until(tier) });
  }
  for (let back = DAYS; back < days; back += DAYS) await copyWeek(db, cluster.id, { now, back });
  return filled;
}

/** The bucket at `from`, and its samples, in all slots of its tier up to `to`. */
async function copyOver(
  db: Db,
  clusterId: number,
  { tier, from, to }: { tier: BucketTier; from: number; to: number },
): Promise<void> {
  const length = SLOT_MS[tier];
  const slots = JSON.stringify(
    Array.from({ length: Math.max(0, Math.ceil((to - from) / length) - 1) }, (_, i) => (i + 1) * length),
  );
  await shifted(db, { clusterId, tier, slots, from, to: from + length });
}

/** The week before now once more, `back` days earlier, in the tiers kept so long. */
async function copyWeek(
  db: Db,
  clusterId: number,
  { now, back }: { now: number; back: number },
): Promise<void> {
  const slots = JSON.stringify([-back * DAY_MS]);
  const tiers = back < 14 ? ([HOUR, TEN_MINUTES] as const) : ([HOUR] as const);
  for (const tier of tiers) await shifted(db, { clusterId, tier, slots, from: now - DAYS * DAY_MS, to: now });
}

async function shifted(
  db: Db,
  {
    clusterId,
    tier,
    slots,
    from,
    to,
  }: { clusterId: number; tier: number; slots: string; from: number; to: number },
): Promise<void> {
  const columns = await db.all<{ name: string }>(sql`select name from pragma_table_info('samples')`);
  const others = columns.map(({ name }) => name).filter((name) => !["start", "end"].includes(name));
  const names = sql.raw(others.map((name) => `s."${name}"`).join(", "));
  const into = sql.raw(others.map((name) => `"${name}"`).join(", "));
  await db.batch([
    db.run(sql`
      insert or replace into buckets (cluster_id, tier, node_id, start, data)
      select b.cluster_id, b.tier, b.node_id, b.start + value, b.data from json_each(${slots}) cross join buckets b
      where b.cluster_id = ${clusterId} and b.tier = ${tier} and b.node_id = 0 and b.start >= ${from} and b.start < ${to}`),
    db.run(sql`
      insert or replace into samples (start, end, ${into})
      select s.start + value, s.end + value, ${names} from json_each(${slots}) cross join samples s
      where s.cluster_id = ${clusterId} and s.tier = ${tier} and s.node_id = 0 and s.start >= ${from} and s.start < ${to}`),
  ]);
}
