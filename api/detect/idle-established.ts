import type { AgesRow, Look, NodeWindow } from "../../db/look.ts";
import { AGE_BOUNDS_S } from "../wire.ts";
import { growth, pointsOf, usual } from "./history.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Thresholds } from "./rule.ts";
import { contributorsBy, nodeSubject } from "./subject.ts";
import { HOUR_MS, isEarlyIn, isFresh, MINUTE_MS } from "./window.ts";

const IDLE_S = 3_600;
const GROWING_MS = 6 * HOUR_MS;
/** What grows for hours is looked at every ten minutes; for so long, as there is no dump in every window. */
const EVERY_MS = 10 * MINUTE_MS;
const LOOKED_AT_MS = 2 * MINUTE_MS;
/** Known from so many days of the last 14. */
const LEAST_DAYS = 5;
/** All is well below this part of the share that is bad. */
const CALM = 0.8;

const thresholds = {
  least: {
    default: 2_000,
    min: 1,
    max: 10_000_000,
    unit: "entries",
    title: "Fewer established entries are no pile",
  },
  part: {
    default: 0.05,
    min: 0,
    max: 1,
    unit: "ratio",
    title: "A smaller part of the table's limit is no pile",
  },
  share: {
    default: 0.5,
    min: 0.05,
    max: 1,
    unit: "ratio",
    title: "So large a part of the established was idle for an hour",
  },
  growth: {
    default: 0.1,
    min: 0,
    max: 100,
    unit: "ratio",
    title: "So much of them came in the last six hours",
  },
  usual: {
    default: 1.25,
    min: 1,
    max: 1_000,
    unit: "times",
    title: "So many times what is usual at this time of day",
  },
};
type Name = keyof typeof thresholds;

/** Somebody keeps connections that nobody uses: idle ESTABLISHED entries pile up. */
export const idleEstablished = defineNodeRule<Name>({
  name: "idle-established",
  revision: 1,
  title: "Idle connections pile up",
  unit: "entries",
  series: "tcpEstablished",
  thresholds,
  policy: {
    need: { windows: 2, ms: 20 * MINUTE_MS },
    clearMs: 30 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  gate: (window, limits) =>
    isEarlyIn(window, EVERY_MS, LOOKED_AT_MS) && isFresh(window) && isPile(window, limits)
      ? { trend: true, hours: true, ages: true }
      : undefined,
  urgent: false,
  needOf: { trend: true, hours: true, ages: true, flows: {} },
  judge: (look, limits) => [{ subject: nodeSubject(look.window), finding: judged(look, limits) }],
});

const isPile = ({ established, max }: NodeWindow, { least, part }: Thresholds<Name>): boolean =>
  (established ?? -1) >= Math.max(least, part * (max ?? 0));

function judged(look: Look, limits: Thresholds<Name>): Finding {
  const pile = pileOf(look);
  if (!pile) return { verdict: "unknown" };
  const { idle, ...facts } = pile;
  const share = idle / Math.max(1, facts.established);
  const usually = usual(look.hours ?? [], "established", look.window.to, LEAST_DAYS);
  const isWell = isCalm(look.window, share, usually, limits);
  const verdict = isWell ? "clear" : growing(look, share, limits);
  if (verdict === "unknown") return { verdict };
  const measured = {
    value: idle,
    limit: Math.ceil(limits.share * facts.established),
    contributors: contributorsBy(look.flows?.parties, (row) => row.idle),
    facts: { ...facts, share, ...(usually !== undefined && { usualEstablished: Math.round(usually) }) },
  };
  return verdict === "bad" ? { verdict, severity: "warning", ...measured } : { verdict, ...measured };
}

function pileOf({ window, ages }: Look): { idle: number; established: number; timeoutS: number } | undefined {
  const { established } = window;
  const row = ages?.find(({ of }) => of === "tcp-established");
  const idle = row && idleOf(row);
  if (!row || idle === undefined || established === undefined || !isFresh(window)) return undefined;
  return { idle, established, timeoutS: row.timeoutS };
}

function isCalm(
  window: NodeWindow,
  share: number,
  usually: number | undefined,
  limits: Thresholds<Name>,
): boolean {
  const isUsual = usually !== undefined && (window.established ?? 0) < limits.usual * usually;
  return isUsual || !isPile(window, limits) || share < CALM * limits.share;
}

function growing(look: Look, share: number, limits: Thresholds<Name>): "bad" | "between" | "unknown" {
  const grown = grownOf(look, look.window.established ?? 0);
  if (grown === undefined) return "unknown";
  return share >= limits.share && grown >= limits.growth ? "bad" : "between";
}

/** The part of the established that came in the last six hours; undefined where too little of these is known. */
function grownOf({ window, trend = [] }: Look, established: number): number | undefined {
  const perHour = growth(pointsOf(trend, "established", window.to), window.to, GROWING_MS);
  return perHour === undefined ? undefined : (perHour * (GROWING_MS / HOUR_MS)) / Math.max(1, established);
}

/** Entries idle for an hour and longer: 0 where the node forgets them sooner; undefined where the classes are not those known here. */
function idleOf({ entries }: AgesRow): number | undefined {
  if (entries.length !== AGE_BOUNDS_S.length + 1) return undefined;
  return entries.reduce((sum, count, i) => ((AGE_BOUNDS_S[i - 1] ?? 0) >= IDLE_S ? sum + count : sum), 0);
}
