import type { Evidence, Question, Reason } from "./answer.ts";
import { type Life, livesOf } from "./lives.ts";
import {
  type Base,
  basesOf,
  DUMP_MS,
  inOrder,
  isWithin,
  LATE_MS,
  type LeaseWindow,
  lists,
  type Run,
  runsOf,
} from "./timeline.ts";

/** What was read of a node that had, or translated to, the address. Times in epoch ms. */
export type PlaceRead = {
  cluster: string;
  node: string;
  /** All that reach into [from, to), in any order, with the rows that `filterOf` finds. */
  windows: readonly LeaseWindow[];
  from: number;
  to: number;
  /** End of the latest window of the node; null where it never reported. */
  lastEnd: number | null;
  /** What its source says that it cannot see. */
  blind: readonly string[];
  /** It translates traffic outside conntrack. */
  bypassed?: boolean | undefined;
  /** It listed the address as its own. */
  own?: boolean | undefined;
  /** False of a node that never put the address in place of others'. */
  translates?: boolean | undefined;
};

/** The instants of which is asked, both included. */
export type Span = { start: number; end: number };

export const spanOf = ({ at, toleranceMs }: Question): Span => ({
  start: at - toleranceMs,
  end: at + toleranceMs,
});

/** What the windows of a node say of a question. */
export type Finding = {
  place: PlaceRead;
  evidence: Evidence;
  /** Those that may touch the span. */
  lives: readonly Life[];
  /** Where none does, of each mapping the last that ended before and the first that began soon after. */
  near: readonly Life[];
  /** More that is to be read before this is an answer. */
  need: Range | undefined;
  /** What is to be read too where nobody had it then. */
  soon: Range | undefined;
};

/** Keyframes come every ten minutes, with the dump of the next window; and a window before, which says whether all entries tell of their end. */
export const KEYFRAME_MS = 720_000;
/** So far is looked for one: that of a table of 131,072 leases and more comes in parts, and a busy node dumps rarely. */
export const MAX_REACH_MS = 8 * KEYFRAME_MS;
/** The clock of whoever asks may be off by more than he says: so soon after, what begins may be what he saw. */
export const SOON_MS = 60_000;
/** A node that is silent for so long is more than a little behind. */
const BEHIND_MS = 300_000;

/** What is to be read of every place first. */
export function firstRange(question: Question): Range {
  const { start, end } = spanOf(question);
  return { from: start - KEYFRAME_MS, to: end + LATE_MS + 1 };
}

type Heard = {
  span: Span;
  windows: readonly LeaseWindow[];
  /** That in which the span begins. */
  run: Run | undefined;
  runAt: number;
  base: Base | undefined;
  complete: boolean;
};

export function find(place: PlaceRead, question: Question, clock: Clock): Finding {
  const windows = inOrder(place.windows);
  const runs = runsOf(windows, place.from);
  const bases = basesOf(windows);
  const whole = bases.filter((base) => lists(base, question.port));
  const heard = hear(windows, runs, whole, spanOf(question));
  const { span, runAt, complete } = heard;
  const touches = ({ begin, end }: Life) => begin.min <= span.end && end.max > span.start;
  const all = livesOf(windows, runs, bases);
  const relevant = complete ? all.filter(({ runs }) => runs.has(runAt)) : all;
  const lives = relevant.filter(touches).map((life) => lasting(life, heard));
  const evidence = evidenceOf(place, heard, clock);
  const near = lives.length > 0 ? [] : nearOf(all, question);
  return {
    place,
    evidence,
    lives,
    near,
    need: backFor(place, heard, clock) ?? aheadFor(place, heard, lives),
    soon: soonFor(place, question, { lives, near }),
  };
}

/** When it is asked, and since when windows are kept. */
export type Clock = { now: number; keptFrom: number };

function hear(
  windows: readonly LeaseWindow[],
  runs: readonly Run[],
  bases: readonly Base[],
  span: Span,
): Heard {
  const runAt = runs.findIndex(({ from, to }) => from <= span.start && span.start < to);
  const run = runs[runAt];
  const end = span.end + LATE_MS;
  const alone = windows.every(
    (window) => window.to <= span.start || window.from > end || run?.windows.includes(window),
  );
  const of = run ? bases.filter((base) => isWithin(base, run)) : [];
  const isBefore = ({ takenAt }: Base) => takenAt + DUMP_MS <= span.start;
  const latest = of.filter(isBefore).toSorted((a, b) => b.takenAt - a.takenAt)[0];
  const next = of.filter((base) => !isBefore(base)).toSorted((a, b) => a.takenAt - b.takenAt)[0];
  const base = latest ?? next;
  const known =
    latest !== undefined || (next !== undefined && run !== undefined && allTell(run, span.start, windows));
  return { span, windows, run, runAt, base, complete: known && alone && run !== undefined && end <= run.to };
}

/**
 * Whether the kernel reports the end of whatever was in force at that instant or later. Nobody counts those that do not and that a torn dump
 * missed.
 */
const allTell = ({ windows }: Run, at: number, read: readonly LeaseWindow[]): boolean =>
  windows.some(({ older, to }) => older === 0 && to <= at) && !read.some(({ interrupted }) => interrupted);

/** By complete evidence, what begins in a run lasts until its end is told; and so does what was in force when every entry told of its end. */
function lasting(life: Life, { run, complete, windows }: Heard): Life {
  if (!complete || !run || life.closed !== null || life.end.max < run.to) return life;
  const tells = (life.opened !== null && life.opened >= run.from) || allTell(run, life.end.min, windows);
  return tells ? { ...life, end: { ...life.end, min: Math.max(life.end.min, run.to - LATE_MS) } } : life;
}

/** Whether it was in force at some instant of the span, without doubt. */
export const surely = ({ begin, end }: Life, span: Span): boolean =>
  begin.max <= span.end && end.min > span.start;

/** It began in time, and whether it lasted a later dump may tell. */
const mayLast = ({ opened, closed, begin, end }: Life, span: Span): boolean =>
  opened !== null && closed === null && begin.max <= span.end && end.min <= span.start;

/** Whoever gives a peer, and the clock, knows which of both he means: the one that ended, which the peer may still hold for open. */
function nearOf(lives: readonly Life[], question: Question): Life[] {
  const { port, peer } = question;
  if (port === undefined && peer === undefined) return [];
  const span = spanOf(question);
  const before = lastBefore(lives, span);
  return peer !== undefined && before.length > 0 ? before : [...before, ...firstAfter(lives, span)];
}

const mappingOf = ({ natAddress, natPort, peer, peerPort, zone }: Life): string =>
  [zone, natAddress, natPort, peer, peerPort].join(" ");

function firstAfter(lives: readonly Life[], { end }: Span): Life[] {
  const soon = lives.filter(({ begin }) => begin.min > end && begin.min <= end + SOON_MS);
  const sorted = soon.toSorted((a, b) => b.begin.min - a.begin.min);
  return [...new Map(sorted.map((life) => [mappingOf(life), life])).values()];
}

function lastBefore(lives: readonly Life[], { start }: Span): Life[] {
  const latest = new Map<string, Life>();
  for (const life of lives) {
    if (life.end.max > start) continue;
    const key = mappingOf(life);
    const other = latest.get(key);
    if (!other || life.end.max > other.end.max) latest.set(key, life);
  }
  return [...latest.values()];
}

type Range = { from: number; to: number };

/** Farther back for a dump, as long as nothing is missing between. */
function backFor(
  { from, to, lastEnd }: PlaceRead,
  { span, run, base, complete }: Heard,
  { keptFrom }: Clock,
): Range | undefined {
  const limit = Math.max(span.start - MAX_REACH_MS, keptFrom);
  const behind = base !== undefined && base.takenAt <= span.start;
  if (lastEnd === null || complete || behind || from <= limit) return undefined;
  const begin = run?.windows[0]?.from ?? Number.POSITIVE_INFINITY;
  return begin <= from ? { from: Math.max(limit, span.start - 2 * (span.start - from)), to } : undefined;
}

/** Ahead to the next keyframe, where what lies behind gives no answer; and farther for a dump, as long as nothing is missing between. */
function aheadFor(
  { from, to, lastEnd }: PlaceRead,
  { span, run, base, complete }: Heard,
  lives: readonly Life[],
): Range | undefined {
  if (to >= (lastEnd ?? 0) || span.end + LATE_MS > (lastEnd ?? 0)) return undefined;
  if (complete && !lives.some((life) => mayLast(life, span))) return undefined;
  const next = span.end + KEYFRAME_MS;
  if (to < next) return { from, to: next };
  const limit = span.end + MAX_REACH_MS;
  const goesOn = run !== undefined && run.to >= to && base === undefined;
  return goesOn && to < limit ? { from, to: Math.min(limit, span.end + 2 * (to - span.end)) } : undefined;
}

/** A little ahead, to who had it soon after. */
function soonFor(
  { from, to, lastEnd, translates }: PlaceRead,
  question: Question,
  { lives, near }: Pick<Finding, "lives" | "near">,
): Range | undefined {
  const { peer, port } = question;
  const { end } = spanOf(question);
  const next = end + SOON_MS + LATE_MS;
  const isKnown = lives.length > 0 || (peer === undefined ? port === undefined : near.length > 0);
  if (isKnown || translates === false || to >= next || end + LATE_MS > (lastEnd ?? 0) || to >= (lastEnd ?? 0))
    return undefined;
  return { from, to: next };
}

function evidenceOf(place: PlaceRead, heard: Heard, clock: Clock): Evidence {
  const { cluster, node, windows, blind, bypassed } = place;
  const ends = windows.map(({ to }) => to);
  const reasons: Reason[] = heard.complete ? [] : whyIncomplete(place, heard, clock);
  if (bypassed) reasons.push("not-in-conntrack");
  return {
    cluster,
    node,
    keyframeAt: heard.base?.takenAt ?? null,
    windows: windows.length,
    from: windows.length > 0 ? Math.min(...windows.map(({ from }) => from)) : null,
    to: windows.length > 0 ? Math.max(...ends) : null,
    complete: heard.complete,
    reasons,
    blind,
  };
}

function whyIncomplete({ lastEnd }: PlaceRead, { windows, span }: Heard, { now, keptFrom }: Clock): Reason[] {
  if (span.start > now) return ["in-the-future"];
  if (span.end < keptFrom) return ["beyond-retention"];
  const during = windows.filter(({ from, to }) => from <= span.end && to > span.start);
  const reasons: Reason[] = [];
  if (lastEnd === null || span.end + LATE_MS > lastEnd)
    reasons.push(lastEnd !== null && now - lastEnd <= BEHIND_MS ? "not-reported-yet" : "no-reports");
  else if (during.length === 0 || hasGap(during, span)) reasons.push("no-reports");
  if (during.length > 0 && windows.every(({ found }) => !found?.changes && !found?.keyframe))
    reasons.push("leases-off");
  return reasons.length > 0 ? reasons : ["events-incomplete"];
}

/** Whether some of the span is in no window. */
function hasGap(windows: readonly LeaseWindow[], { start, end }: Span): boolean {
  let covered = start;
  for (const { from, to } of windows.toSorted((a, b) => a.from - b.from)) {
    if (from > covered) return true;
    covered = Math.max(covered, to);
  }
  return covered <= end;
}
