import { SegmentError, SegmentSizeError } from "../db/bucket.ts";
import { innermost, isDatabaseFull } from "../db/failure.ts";
import { dropForgotten, dropMarks, dueBuckets, foldLot } from "../db/queries/upkeep/fold.ts";
import { type Lease, LeaseLostError, takeLease } from "../db/queries/upkeep/lease.ts";
import { forgetSome, horizonsAt, isToForget, notAheadOf } from "../db/queries/upkeep/retention.ts";
import type { Buckets } from "../db/queries/upkeep/samples.ts";
import { lastReport, scanPage } from "../db/queries/upkeep/scan.ts";
import { BUCKET_TIERS } from "../db/tiers.ts";
import type { BucketTier, Retention } from "../db/tiers.ts";
import type { Deps } from "./router.ts";

export type UpkeepDeps = Pick<Deps, "db" | "now" | "log"> & {
  retention: Retention;
  /** Gives some of the room that deleted rows leave back to the file system; whether there is more. Where there is no file, not given. */
  giveSpaceBack?: (() => Promise<boolean>) | undefined;
};

export type Budget = {
  /** The tick begins nothing new after so many ms. */
  ms: number;
  signal?: AbortSignal | undefined;
};

/** What a tick did. */
export type Tick = {
  /** busy: another tick is at it. stopped: the next one goes on. */
  end: "done" | "stopped" | "busy" | "failed";
  /** Reports looked at, buckets folded, rows forgotten. */
  reports: number;
  buckets: number;
  forgotten: number;
  /** Blobs that could not be read, and buckets that could not be folded. */
  damaged: number;
  unfolded: number;
  /** Buckets that late reports belong to, but of which the finer tier is forgotten in part. */
  tooLate: number;
};

type Work = UpkeepDeps & { lease: Lease; tick: Tick; goesOn: () => Promise<boolean> };

/**
 * Looks at what came, folds what is due, forgets what is too old. Does nothing while another tick is at it, and where
 * it fails or is stopped, even half-way through, the next one goes on. Never throws.
 */
export async function maintain(deps: UpkeepDeps, budget: Budget): Promise<Tick> {
  const startedAt = deps.now();
  let latest = startedAt;
  const tick: Tick = {
    end: "busy",
    reports: 0,
    buckets: 0,
    forgotten: 0,
    damaged: 0,
    unfolded: 0,
    tooLate: 0,
  };
  try {
    const lease = await takeLease(deps.db, crypto.randomUUID(), deps.now);
    const goesOn = async () => {
      // Requests get their turn between any two steps.
      await new Promise((resolve) => setImmediate(resolve));
      const now = deps.now();
      // By a clock that went back there is no telling how long it takes: the next tick begins anew.
      if (budget.signal?.aborted || now < latest || now - startedAt >= budget.ms) return false;
      latest = now;
      await lease?.keep();
      return true;
    };
    if (lease) tick.end = await withLease({ ...deps, lease, tick, goesOn });
  } catch (error) {
    tick.end = "failed";
    deps.log({ level: "error", event: "tick-failed", error: innermost(error).toString() });
  }
  const did = Object.values(tick).some((count) => typeof count === "number" && count > 0);
  const level = tick.damaged + tick.unfolded + tick.tooLate > 0 ? "warning" : "info";
  if (did) deps.log({ level, event: "tick", ...tick, ms: deps.now() - startedAt });
  return tick;
}

async function withLease(work: Work): Promise<Tick["end"]> {
  try {
    return (await scan(work)) && (await fold(work)) && (await forget(work)) ? "done" : "stopped";
  } catch (error) {
    if (error instanceof LeaseLostError) return "stopped";
    // Nobody else makes room.
    if (isDatabaseFull(error)) await forget(work);
    throw error;
  } finally {
    await work.lease.release();
  }
}

/** Whether all was looked at that had come when the tick began. */
async function scan(work: Work): Promise<boolean> {
  const { db, lease, tick } = work;
  const until = await lastReport(db);
  while (await work.goesOn()) {
    const page = await scanPage(db, until, lease.guard);
    if (!page) return true;
    tick.reports += page.reports;
    tick.damaged += page.damaged;
  }
  return false;
}

async function fold(work: Work): Promise<boolean> {
  const { db, lease, tick } = work;
  await db.run(notAheadOf(work.now(), lease.guard));
  tick.tooLate += await dropForgotten(db, lease.guard);
  for (const tier of BUCKET_TIERS) if (!(await foldTier(work, tier))) return false;
  return true;
}

async function foldTier(work: Work, tier: BucketTier): Promise<boolean> {
  for (;;) {
    const lots = await dueBuckets(work.db, tier, work.now());
    if (lots.length === 0) return true;
    for (const lot of lots) {
      if (!(await work.goesOn())) return false;
      await foldOrDrop(work, lot);
    }
  }
}

/** What reading and folding damaged blobs throws. Anything else, such as a lost connection, may be gone by the next tick. */
const isOfData = (error: unknown): boolean =>
  error instanceof SegmentError || error instanceof SegmentSizeError || error instanceof RangeError;

/** What cannot be folded must not hold up the rest, nor keep for ever what it is to be folded from. */
async function foldOrDrop(work: Work, lot: Buckets): Promise<void> {
  const { db, lease, tick, log } = work;
  try {
    const { buckets, damaged } = await foldLot(db, lot, lease.guard);
    tick.buckets += buckets;
    tick.damaged += damaged;
  } catch (error) {
    if (!isOfData(error)) throw error;
    if (lot.nodeIds.length > 1) {
      for (const nodeId of lot.nodeIds) await foldOrDrop(work, { ...lot, nodeIds: [nodeId] });
      return;
    }
    tick.unfolded += 1;
    log({ level: "error", event: "bucket-not-folded", ...lot, error: innermost(error).toString() });
    await db.run(dropMarks(lot, lease.guard));
  }
}

async function forget(work: Work): Promise<boolean> {
  const { db, lease, tick, now, retention, giveSpaceBack } = work;
  const horizons = await horizonsAt(db, retention, now());
  for (let all = !(await isToForget(db, horizons)); !all;) {
    if (!(await work.goesOn())) return false;
    const forgotten = await forgetSome(db, horizons, lease.guard);
    tick.forgotten += forgotten.rows;
    all = forgotten.all;
  }
  for (let more = giveSpaceBack !== undefined; more;) {
    if (!(await work.goesOn())) return false;
    more = (await giveSpaceBack?.()) ?? false;
  }
  return true;
}
