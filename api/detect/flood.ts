import type { Flows, Look, NodeWindow, PartyRow } from "../../db/look.ts";
import type { Thresholds } from "./rule.ts";
import { scoreOf, isAfterGap, risenOf } from "./score.ts";
import type { Score } from "./score.ts";
import { secondsOf } from "./series.ts";

export type FloodLimit =
  | "part"
  | "least"
  | "rate"
  | "closeShare"
  | "share"
  | "outgrowth"
  | "growth"
  | "excess"
  | "closeScore"
  | "score"
  | "critical";
export type FloodLimits = Thresholds<FloodLimit>;

/** One of the two ways in which an owner is seen to flood: by what it has in the table, or by what it opened in the window. */
export type Side = {
  of: "entries" | "openings";
  /** False where this window does not tell: an older dump says nothing new. */
  isKnown: boolean;
  /** What an older dump showed is still there, by the kernel's count: of who was seen to flood it tells that it goes on. */
  holds: boolean;
  /** Of all owners, and of one. */
  whole: number;
  amount(row: PartyRow): number;
  /** Less than this is no flood. */
  floor: number;
  /** Of the node; undefined where nobody knows what is usual. */
  score: Score | undefined;
  /** Of the node: how many times the lowest of the last ten minutes. */
  risen: number;
};

/** A flow that was opened stays in the table for some two minutes: SYN_SENT and TIME_WAIT are kept so long. */
const STAYS_S = 120;

/**
 * Nobody knows what is usual: a large owner may always have been so. It is a flood where it is so many times larger than one has to be,
 * has so much of the node, and the node has grown so much within ten minutes.
 */
const UNKNOWN = { floors: 3, share: 0.6, risen: 1.5 };
/** Of the whole, at least this part is taken for the others', so that an owner alone on its node has no infinite part. */
const OTHERS = 0.05;

/** Entries of one owner, and flows it opened in the window, that may be a flood. */
export function floorsOf(window: NodeWindow, limits: FloodLimits): { entries: number; openings: number } {
  const part = limits.part * (window.max ?? 0);
  return {
    entries: Math.max(part, limits.least),
    // As fast as this, they come to the same part of the table.
    openings: secondsOf(window) * Math.max(part / STAYS_S, limits.rate),
  };
}

/** The first counters after a gap are of another time. */
export function sidesOf(look: Look, flows: Flows, limits: FloodLimits): Side[] {
  const { window, recent } = look;
  const floors = floorsOf(window, limits);
  const entries: Side = {
    of: "entries",
    isKnown: flows.takenAt >= window.from,
    holds: window.count !== undefined && window.count >= flows.entries,
    whole: flows.entries,
    // What may be an error accuses nobody.
    amount: (row) => Math.max(row.entries - flows.error, 0),
    floor: floors.entries,
    score: scoreOf("count", look),
    risen: risenOf("count", look),
  };
  const opened = flows.opened;
  if (opened === undefined) return [entries];
  const openings: Side = {
    of: "openings",
    isKnown: !isAfterGap(window, recent.at(-1)),
    holds: false,
    whole: opened,
    amount: (row) => row.opened ?? 0,
    floor: floors.openings,
    score: scoreOf("opened", look),
    risen: risenOf("opened", look),
  };
  return [entries, openings];
}

/** Whether an owner is large enough: nearly none is, and the others need no further look. */
export const mayFlood = (sides: readonly Side[], row: PartyRow): boolean =>
  sides.some((side) => side.isKnown && side.amount(row) >= side.floor);

export const shareOf = (side: Side, row: PartyRow): number =>
  side.whole > 0 ? Math.min(side.amount(row) / side.whole, 1) : 0;

export type SideVerdict = "bad" | "between" | "clear" | "unknown";

type Held = {
  /** Entries that are usual of the whole node, best over the same hours as of each owner. */
  usual: number | undefined;
  limits: FloodLimits;
  /** It is pending or open. */
  isSeen: boolean;
};

export function verdictOf(side: Side, row: PartyRow, held: Held): SideVerdict {
  const { limits, isSeen } = held;
  if (side.score && side.score.score < limits.closeScore) return "clear";
  if (!side.isKnown && !(isSeen && side.holds)) return "unknown";
  const amount = side.amount(row);
  const share = shareOf(side, row);
  const isClear = amount < side.floor / 2 || share < limits.closeShare;
  const isBad =
    amount >= side.floor &&
    (side.score ? isUnusual(side, row, side.score, held) : isPlain(side, row, limits));
  if (isBad) return "bad";
  // What it has beside that, no older dump tells.
  if (!side.isKnown) return "unknown";
  return isClear ? "clear" : "between";
}

function isUnusual(side: Side, row: PartyRow, score: Score, { usual, limits }: Held): boolean {
  if (score.score < (exceedsNode(side, row, score) ? limits.closeScore : limits.score)) return false;
  // What nodes are like does not tell what is usual of one whose owners nobody knows: it may always have been as large.
  if (score.baseline.days === 0 && row.dayMedian === undefined && side.risen < UNKNOWN.risen) return false;
  const hasGrown = side.of === "entries" && side.amount(row) >= limits.growth * usualEntries(row);
  if (hasGrown && excessOf(side, row) >= limits.excess) return true;
  return shareOf(side, row) >= limits.share && outgrowthOf(side, row, usual) >= limits.outgrowth;
}

/**
 * It alone opens as many as is usual of its whole node, and it is known to be a small one: of openings scores are of logarithms, and a node
 * that opens twice as many as ever has no high one.
 */
const exceedsNode = (side: Side, row: PartyRow, { value, baseline }: Score): boolean =>
  side.of === "openings" &&
  baseline.days > 0 &&
  row.dayMedian !== undefined &&
  shareOf(side, row) * value >= baseline.mean;

function isPlain(side: Side, row: PartyRow, limits: FloodLimits): boolean {
  return (
    side.amount(row) >= UNKNOWN.floors * side.floor &&
    shareOf(side, row) >= Math.max(UNKNOWN.share, limits.share) &&
    side.risen >= UNKNOWN.risen &&
    (side.of === "openings" || side.amount(row) >= limits.outgrowth * (row.dayMedian ?? 0))
  );
}

/** Who had nothing all day had nearly nothing; of whom no day is known, nothing can be said. */
const usualEntries = ({ dayMedian }: PartyRow): number =>
  dayMedian === undefined ? Infinity : Math.max(dayMedian, 1);

/** Of what the node has more than usual, the part that an owner has more than usual. In a busy minute several share it. */
function excessOf(side: Side, row: PartyRow): number {
  const ofNode = side.score ? side.score.value - side.score.baseline.mean : Infinity;
  return (side.amount(row) - usualEntries(row)) / Math.max(ofNode, 1);
}

/**
 * How many times as large an owner is against all others of its node as it usually is. A proxy that always has most of the node has no more of
 * it in a busy minute. Infinity where nobody knows.
 */
function outgrowthOf(side: Side, row: PartyRow, usual: number | undefined): number {
  if (row.dayMedian === undefined || usual === undefined) return Infinity;
  return odds(side.amount(row), side.whole) / odds(usualEntries(row), usual);
}

const odds = (part: number, whole: number): number =>
  part / Math.max(whole - part, OTHERS * Math.max(whole, part));
