import { SegmentError, SegmentSizeError } from "../db/bucket.ts";
import { innermost, isDatabaseFull } from "../db/failure.ts";
import type { HoursCache } from "../db/queries/look.ts";
import { dropForgotten, dropMarks, dueBuckets, foldLot } from "../db/queries/upkeep/fold.ts";
import { type Lease, LeaseLostError, takeLease } from "../db/queries/upkeep/lease.ts";
import { forgetSome, horizonsAt, isToForget, notAheadOf } from "../db/queries/upkeep/retention.ts";
import type { Buckets } from "../db/queries/upkeep/samples.ts";
import { lastReport, scanPage } from "../db/queries/upkeep/scan.ts";
import { BUCKET_TIERS } from "../db/tiers.ts";
import type { BucketTier, Retention } from "../db/tiers.ts";
import { RULES } from "./detect/index.ts";
import type { Rule } from "./detect/rule.ts";
import { judgePage } from "./judge.ts";
import type { Judging } from "./judge/judging.ts";
import { watchClusters } from "./judge/watch.ts";
import type { Deps } from "./router.ts";

export type UpkeepDeps = Pick<Deps, "db" | "now" | "log"> & {
  retention: Retention;
  /** Default: all there are. */
  rules?: readonly Rule[] | undefined;
  /** Kept between ticks. */
  hours?: HoursCache | undefined;
  /** Whether something urgent came since it was last asked: then it is judged before anything more is folded. */
  poked?: (() => boolean) | undefined;
  /** Called when there is something to tell. */
  onNews?: (() => void) | undefined;
  /** Gives some of the room that deleted rows leave back to the file system; whether there is more. Where there is no file, not given. */
  giveSpaceBack?: (() => Promise<boolean>) | undefined;
};

export type Budget = {
  /** The tick begins nothing new after so many ms. */
  ms: number;
  signal?: AbortSignal | undefined;
  /** Where judging may take a part only: aborted once that is used up. What it cannot keep up with it passes over. */
  judging?: AbortSignal | undefined;
};

/** What a tick did. */
export type Tick = {
  /** busy: another tick is at it. stopped: the next one goes on. */
  end: "done" | "stopped" | "busy" | "failed";
  /** Reports looked at and judged, transitions of anomalies, buckets folded, rows forgotten. */
  reports: number;
  judged: number;
  events: number;
  buckets: number;
  forgotten: number;
  /** Blobs that could not be read, and buckets that could not be folded. */
  damaged: number;
  unfolded: number;
  /** Buckets that late reports belong to, but of which the finer tier is forgotten in part. */
  tooLate: number;
};

type Work = UpkeepDeps & {
  budget: Budget;
  lease: Lease;
  tick: Tick;
  goesOn: () => Promise<boolean>;
  /** When judging was last done with. */
  judgedAt: number;
  /** Clusters in which more is wrong than is let in, as was said. */
  crowded: Set<number>;
};

/** Judging waits for folding no longer than this. */
const JUDGE_EVERY_MS = 5_000;
/** Where judging cannot keep up, what ended so long ago is passed over: what goes on still shows in newer windows, and those are next. */
const PASSED_OVER_MS = 600_000;

/**
 * Looks at what came, judges it, folds what is due, forgets what is too old. Does nothing while another tick is at it, and where
 * it fails or is stopped, even half-way through, the next one goes on. Never throws.
 */
export function maintain(deps: UpkeepDeps, budget: Budget): Promise<Tick> {
  return tickOf(deps, budget, async (work) => {
    const isJudged = await judgeAll(work);
    return (await fold(work)) && (await forget(work, judgeBetween)) && isJudged;
  });
}

/** Looks at what came and judges it, and leaves the rest to the next tick: for what is urgent. Else as `maintain`. */
export function judgeNow(deps: UpkeepDeps, budget: Budget): Promise<Tick> {
  return tickOf(deps, budget, judge);
}

type Act = (work: Work) => Promise<boolean>;

async function tickOf(deps: UpkeepDeps, budget: Budget, act: Act): Promise<Tick> {
  const startedAt = deps.now();
  let latest = startedAt;
  const tick: Tick = {
    end: "busy",
    reports: 0,
    judged: 0,
    events: 0,
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
    if (lease)
      tick.end = await withLease(
        { ...deps, budget, lease, tick, goesOn, judgedAt: startedAt, crowded: new Set() },
        act,
      );
  } catch (error) {
    tick.end = "failed";
    deps.log({ level: "error", event: "tick-failed", error: innermost(error).toString() });
  }
  const did = Object.values(tick).some((count) => typeof count === "number" && count > 0);
  const level = tick.damaged + tick.unfolded + tick.tooLate > 0 ? "warning" : "info";
  if (did) deps.log({ level, event: "tick", ...tick, ms: deps.now() - startedAt });
  return tick;
}

async function withLease(work: Work, act: Act): Promise<Tick["end"]> {
  try {
    return (await act(work)) ? "done" : "stopped";
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

/** Looks at what came and judges it: who holds addresses must be known first. Whether all of it was. */
async function judge(work: Work): Promise<boolean> {
  const isAll = (await scan(work)) && (await judgeScanned(work));
  work.judgedAt = work.now();
  return isAll;
}

async function judgeScanned(work: Work): Promise<boolean> {
  for (let end = "more"; end === "more";) {
    if (work.budget.judging?.aborted || !(await work.goesOn())) return false;
    const page = await judgePage(judgingWindows(work));
    work.tick.judged += page.windows;
    tell(work, page.events);
    if (page.end === "stopped") return false;
    ({ end } = page);
  }
  return true;
}

/** The clusters too, where it is their turn. What is left of the windows must not hold up the rest. */
async function judgeAll(work: Work): Promise<boolean> {
  const isAll = await judge(work);
  if (!(await work.goesOn())) return false;
  const { end, events } = await watchClusters(judgingOf(work));
  tell(work, events);
  return isAll && end === "done";
}

function tell({ tick, onNews }: Work, events: number): void {
  tick.events += events;
  if (events > 0) onNews?.();
}

const judgingOf = (work: Work): Judging => ({
  db: work.db,
  now: work.now,
  lease: work.lease.guard,
  goesOn: work.goesOn,
  rules: work.rules ?? RULES,
  hours: work.hours,
  onDamaged: () => void (work.tick.damaged += 1),
  onCrowded: (clusterId) => {
    if (work.crowded.has(clusterId)) return;
    work.crowded.add(clusterId);
    work.log({ level: "warning", event: "too-many-anomalies", clusterId });
  },
  onFailed: (error, first) => {
    work.tick.damaged += 1;
    if (first) work.log({ level: "error", event: "window-not-judged", error: innermost(error).toString() });
  },
});

/** What judges windows, as far as its part of the budget goes. */
const judgingWindows = (work: Work): Judging => ({
  ...judgingOf(work),
  goesOn: async () => !work.budget.judging?.aborted && work.goesOn(),
  from: work.budget.judging && work.now() - PASSED_OVER_MS,
});

async function fold(work: Work): Promise<boolean> {
  const { db, lease, tick } = work;
  await db.run(notAheadOf(work.now(), lease.guard));
  tick.tooLate += await dropForgotten(db, lease.guard);
  for (const tier of BUCKET_TIERS) if (!(await foldTier(work, tier))) return false;
  return true;
}

async function foldTier(work: Work, tier: BucketTier): Promise<boolean> {
  const folded = new Set<string>();
  for (;;) {
    const due = await dueBuckets(work.db, tier, work.now());
    // What was marked again by reports that were looked at meanwhile is for the next tick: else this would have no end.
    const lots = due.filter((lot) => !folded.has(nameOf(lot)));
    if (lots.length === 0) return true;
    for (const lot of lots) {
      if (!(await work.goesOn()) || !(await judgeBetween(work))) return false;
      await foldOrDrop(work, lot);
      folded.add(nameOf(lot));
    }
  }
}

const nameOf = ({ clusterId, start, nodeIds }: Buckets): string =>
  JSON.stringify([clusterId, start, nodeIds]);

/** Whether there is time to go on. */
async function judgeBetween(work: Work): Promise<boolean> {
  const isDue = work.poked?.() || work.now() - work.judgedAt >= JUDGE_EVERY_MS;
  if (!isDue) return true;
  await judge(work);
  return work.goesOn();
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

/** `between`: asked between two steps whether to go on. */
async function forget(
  work: Work,
  between: (work: Work) => Promise<boolean> = async () => true,
): Promise<boolean> {
  const { db, lease, tick, now, retention, giveSpaceBack } = work;
  const horizons = await horizonsAt(db, retention, now());
  for (let all = !(await isToForget(db, horizons)); !all;) {
    if (!(await work.goesOn()) || !(await between(work))) return false;
    const forgotten = await forgetSome(db, horizons, lease.guard);
    tick.forgotten += forgotten.rows;
    all = forgotten.all;
  }
  for (let more = giveSpaceBack !== undefined; more;) {
    if (!(await work.goesOn()) || !(await between(work))) return false;
    more = (await giveSpaceBack?.()) ?? false;
  }
  return true;
}
