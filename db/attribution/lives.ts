import type { LeaseLife } from "./answer.ts";
import {
  type Base,
  DUMP_MS,
  type FoundLease,
  isComplete,
  isWithin,
  LATE_MS,
  type LeaseWindow,
  lists,
  type Run,
  SECOND_MS,
} from "./timeline.ts";

/**
 * One lease from its beginning to its end, as far as is known. It began at an instant within `begin` and ended at one within `end`; where it
 * touches a time, it does so by the bounds of both.
 */
export type Life = Omit<LeaseLife, "lastSeen"> & {
  boot: number;
  begin: Bounds;
  end: Bounds;
  /** Runs in which something was said of it, as places in their list. */
  runs: ReadonlySet<number>;
  /** The last window that listed it among its changes; one does so once. */
  changedIn: LeaseWindow | undefined;
  /**
   * Of one whose beginning nobody saw: when a lease of the same source began that was last seen in force before what is missing, and when
   * that was. It is the same, or came after it.
   */
  resumes: { opened: number; seen: number } | undefined;
};
type Bounds = { min: number; max: number };

type Told = Pick<Life, "opened" | "closed" | "begin" | "end" | "changedIn"> & {
  lease: FoundLease;
  boot: number;
  run: number;
};

/** Lives of all that windows (in order) list, mapping by mapping in the order in which they began. */
export function livesOf(
  windows: readonly LeaseWindow[],
  runs: readonly Run[],
  bases: readonly Base[],
): Life[] {
  const mappings = new Map<string, Life[]>();
  for (const window of windows) {
    for (const told of toldBy(window, runs)) {
      const { natAddress, natPort, protocol, peer, peerPort, zone } = told.lease;
      const key = [told.boot, zone, natAddress, natPort, protocol, peer, peerPort].join(" ");
      const lives = mappings.get(key);
      if (lives) take(lives, told);
      else mappings.set(key, [lifeOf(told)]);
    }
  }
  for (const lives of mappings.values()) {
    for (const life of lives) endByDump(life, bases);
    lives.sort((a, b) => a.begin.max - b.begin.max || a.end.min - b.end.min);
    for (const [at, life] of lives.entries()) follow(lives[at - 1], life);
  }
  const all = [...mappings.values()].flat();
  endByBoot(all, windows);
  return all;
}

function toldBy(window: LeaseWindow, runs: readonly Run[]): Told[] {
  const { boot, found } = window;
  const complete = isComplete(window);
  const run = runs.findIndex(({ windows }) => windows.includes(window));
  const changes = found?.changes?.rows.map((lease) => ({
    ...changed(lease, window, complete),
    changedIn: window,
    lease,
    boot,
    run,
  }));
  const { keyframe } = found ?? {};
  const held = keyframe?.rows.map((lease) => ({
    ...sighted(lease, keyframe.takenAt),
    changedIn: undefined,
    lease,
    boot,
    run: runs.findIndex((run) => isWithin({ boot, takenAt: keyframe.takenAt }, run)),
  }));
  return [...(changes ?? []), ...(held ?? [])];
}

const ALWAYS = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/** What is read late is told late: it happened up to LATE_MS before. */
const readAt = (second: number): Bounds => ({ min: second - LATE_MS, max: second + SECOND_MS });

function changed({ opened, closed }: FoundLease, { from, to }: LeaseWindow, complete: boolean) {
  const begin = opened === null ? { min: ALWAYS.min, max: (closed ?? to) + LATE_MS } : readAt(opened);
  if (closed !== null) return { opened, closed, begin, end: readAt(closed) };
  // What ended while events were lost is listed as held; so is what ended just before the window did and is told in the next.
  const last = (complete ? to : from) - LATE_MS;
  return { opened, closed, begin, end: { min: Math.max(begin.min, last), max: ALWAYS.max } };
}

function sighted({ opened }: FoundLease, takenAt: number) {
  const begin = opened === null ? { min: ALWAYS.min, max: takenAt + DUMP_MS } : readAt(opened);
  return { opened, closed: null, begin, end: { min: takenAt, max: ALWAYS.max } };
}

function lifeOf({ lease, boot, run, ...bounds }: Told): Life {
  return { ...lease, ...bounds, boot, runs: new Set(run < 0 ? [] : [run]), resumes: undefined };
}

function take(lives: Life[], told: Told): void {
  // Of two that one second has, the later is meant.
  const at = lives.findLastIndex((life) => isSame(life, told));
  const life = lives[at];
  if (!life) lives.push(lifeOf(told));
  else
    lives[at] = {
      ...life,
      closed: life.closed ?? told.closed,
      begin: both(life.begin, told.begin),
      end: both(life.end, told.end),
      runs: told.run < 0 ? life.runs : new Set([...life.runs, told.run]),
      changedIn: told.changedIn ?? life.changedIn,
    };
}

/**
 * The beginning tells one lease of a mapping from the next. Where nobody knows it, both are one only while nothing was missed between: what
 * begins then has a beginning.
 */
function isSame(life: Life, told: Told): boolean {
  if (told.changedIn && life.changedIn === told.changedIn) return false;
  const { source, sourcePort } = told.lease;
  if (life.source !== source || life.sourcePort !== sourcePort || life.opened !== told.opened) return false;
  if (told.opened === null && !life.runs.has(told.run)) return false;
  if (life.closed !== null && told.closed !== null && life.closed !== told.closed) return false;
  return isPossible(both(life.begin, told.begin)) && isPossible(both(life.end, told.end));
}

const both = (one: Bounds, other: Bounds): Bounds => ({
  min: Math.max(one.min, other.min),
  max: Math.min(one.max, other.max),
});
const isPossible = ({ min, max }: Bounds): boolean => min <= max;

/** A lease that a later dump of its port lacks has ended by then. */
function endByDump(life: Life, bases: readonly Base[]): void {
  for (const base of bases) {
    const { boot, takenAt } = base;
    const may = boot === life.boot && lists(base, life.natPort);
    if (may && life.begin.max <= takenAt && life.end.min < takenAt)
      life.end = { ...life.end, max: Math.min(life.end.max, takenAt + DUMP_MS) };
  }
}

/** The kernel gives a mapping to one lease at a time: where it is sure which of two was first, that one ended before the other began. */
function follow(first: Life | undefined, next: Life): void {
  if (!first) return;
  const mayPrecede = (one: Life, other: Life) => one.end.min <= other.begin.max;
  if (!mayPrecede(first, next) || mayPrecede(next, first)) return;
  next.resumes = resumed(first, next);
  first.end = { ...first.end, max: Math.min(first.end.max, next.begin.max) };
  next.begin = { ...next.begin, min: Math.max(next.begin.min, first.end.min) };
}

/** Nobody saw that one end, nor the other begin. */
function resumed(first: Life, next: Life): Life["resumes"] {
  const { source, sourcePort, opened } = first;
  const isOfOne = source === next.source && sourcePort === next.sourcePort;
  const isSeen = first.closed !== null || next.opened !== null || first.end.max < next.begin.max;
  const began = opened ?? first.resumes?.opened;
  if (!isOfOne || isSeen || began === undefined) return undefined;
  return { opened: began, seen: first.resumes?.seen ?? first.end.min };
}

/** A boot ends all leases of the one before. */
function endByBoot(lives: readonly Life[], windows: readonly LeaseWindow[]): void {
  const boots = new Map<number, { from: number; to: number }>();
  for (const { boot, from, to } of windows) {
    const { from: first = from, to: last = to } = boots.get(boot) ?? {};
    boots.set(boot, { from: Math.min(first, from), to: Math.max(last, to) });
  }
  for (const life of lives) {
    const ended = boots.get(life.boot)?.to ?? ALWAYS.max;
    const begun = [...boots.values()].filter(({ from }) => from >= ended).map(({ from }) => from);
    life.end = { ...life.end, max: Math.min(life.end.max, ...begun) };
  }
}

/** As answers have it. */
export function leaseOf({ end, resumes, ...life }: Life): LeaseLife {
  const { natAddress, natPort, protocol, peer, peerPort, zone, source, sourcePort, closed } = life;
  const opened = life.opened ?? resumes?.opened ?? null;
  const lastSeen = closed ?? Math.max(end.min, opened ?? ALWAYS.min);
  return {
    natAddress,
    natPort,
    protocol,
    peer,
    peerPort,
    zone,
    source,
    sourcePort,
    opened,
    closed,
    lastSeen,
  };
}
