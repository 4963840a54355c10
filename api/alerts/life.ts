import { MAX_DURATION_MS } from "../detect/rule.ts";
import type { Finding, Policy, Severity } from "../detect/rule.ts";
import type { Transition } from "./alert.ts";

/** Windows in a row: since the begin of the first, counted no further than is needed. */
export type Run = { since: number; windows: number };

/**
 * What is remembered of one subject of one rule: plain JSON. It holds times and no count of each window, so that a long bad or clear
 * run changes nothing. All times are event time: those of the windows.
 */
export type Life = {
  /** resolved: it was open a short while ago; while it cools down, bad windows are counted already. */
  phase: "pending" | "open" | "resolved";
  /** Open: as severe as it is told now. */
  severity?: Severity | undefined;
  /** Open or resolved: the most severe it was. */
  worst?: Severity | undefined;
  /** Not open: bad windows in a row. */
  bad?: Run | undefined;
  /** Critical windows in a row, while it is not open as critical. */
  critical?: Run | undefined;
  /** Open as critical: begin of the first window since which none was. */
  calmSince?: number | undefined;
  /** Open: begin of the first window since which all were clear. */
  clearSince?: number | undefined;
  /** End of the last window that told something, where later ones did not and something is being counted. */
  knownTo?: number | undefined;
  /** When it began: of the first bad window. */
  openedAt?: number | undefined;
  /** Resolved: when it ended (begin of the first clear window), and when that was certain. */
  endedAt?: number | undefined;
  closedAt?: number | undefined;
  /** Resolved: before then it opens only as something worse than it was. */
  coolUntil?: number | undefined;
  /** When it opened within the last FLAP_WINDOW_MS, oldest first. */
  opens?: readonly number[] | undefined;
  /** How often it eased since it opened. */
  eased?: number | undefined;
  flapping?: true | undefined;
  /** Open, but no window has come for long. */
  stale?: true | undefined;
};

/** What a window, or the lack of windows, may do to a life. flapping: it opened, once too often. */
export type LifeTransition = Exclude<Transition, "acknowledged" | "unmuted">;

/** Why it resolved, where no clear window says so. */
export const END_REASONS = ["retired", "silent", "disabled"] as const;
export type EndReason = (typeof END_REASONS)[number];

/** changed: the life differs from before and must be written; undefined: nothing is left to remember. */
export type Step = {
  life: Life | undefined;
  transition?: LifeTransition | undefined;
  reason?: EndReason | undefined;
  changed: boolean;
};

/** A window. previousTo: end of the node's window before it, undefined where none is known: then there is a gap. A view of a cluster is a moment: from = to. */
export type Span = { from: number; to: number; previousTo?: number | undefined };

/** More than so many windows' lengths without a window is a gap: what was counted in a row is no longer. */
const GAP_WINDOWS = 3;
/** The same of views of a cluster, which come once a minute. */
const GAP_OF_VIEWS_MS = 3 * 60_000;
/** Windows that tell nothing of it break no row: large tables are dumped every few minutes. For longer than this they do. */
const UNKNOWN_MS = 10 * 60_000;
/** Before all windows. */
const NEVER = 0;
/** More than so many opens in so long, and it flaps: it stays open until it was clear for FLAP_CLEAR_MS. */
export const FLAP_OPENS = 3;
export const FLAP_WINDOW_MS = 6 * 3_600_000;
export const FLAP_CLEAR_MS = 60 * 60_000;
/** Eases after this part of the time that would resolve it: sooner than all is well, later than a flutter. */
const EASE_PART = 3;
/** Then it stays critical until it resolves: who is told of each turn stops reading. */
export const MAX_EASES = 2;
/** So long without a window, and an open anomaly is shown as stale; and so long, and it ends. */
export const STALE_MS = 10 * 60_000;
export const EXPIRE_MS = 24 * 3_600_000;
/** What is pending has opened by then, however long it has to last, or was left behind by a node that is gone. */
const FORGET_PENDING_MS = 2 * MAX_DURATION_MS;

const same = (life: Life | undefined): Step => ({ life, changed: false });

function stepTo(before: Life | undefined, life: Life | undefined, transition?: LifeTransition): Step {
  const changed = JSON.stringify(before) !== JSON.stringify(life);
  return transition === undefined ? { life, changed } : { life, transition, changed };
}

const gapOf = ({ from, to }: Span): number => (to > from ? GAP_WINDOWS * (to - from) : GAP_OF_VIEWS_MS);

/** Whether the span follows no window, or one that ended long before. */
export const followsGap = (span: Span): boolean =>
  span.previousTo === undefined || span.from - span.previousTo > gapOf(span);

/** Whether what was counted so far does not reach to this window: a gap, or nothing known for too long. */
const broken = (life: Life | undefined, span: Span): boolean =>
  followsGap(span) ||
  (life?.knownTo !== undefined && span.from - life.knownTo > Math.max(UNKNOWN_MS, gapOf(span)));

const grown = (run: Run | undefined, span: Span, need: { windows: number }): Run => ({
  since: run?.since ?? span.from,
  windows: Math.min(need.windows, (run?.windows ?? 0) + 1),
});

const isMet = (run: Run | undefined, span: Span, need: { windows: number; ms: number }): boolean =>
  run !== undefined && run.windows >= need.windows && span.to - run.since >= need.ms;

const RANK = { warning: 1, critical: 2 } as const satisfies Record<Severity, number>;
export const isWorse = (one: Severity, other: Severity): boolean => RANK[one] > RANK[other];

/**
 * What one window (or view) does to the life of a subject. Windows are given in the order of their times; late ones never.
 */
export function advance(life: Life | undefined, finding: Finding, span: Span, policy: Policy): Step {
  if (finding.verdict === "unknown") return unknown(life, span);
  if (life?.phase === "open") return whileOpen(life, finding, span, policy);
  if (finding.verdict !== "bad") return notBad(life);
  return whileNotOpen(life, finding.severity, span, policy);
}

/** Nothing changes, but it is noted up to when something was known where something is being counted. */
function unknown(life: Life | undefined, span: Span): Step {
  const counting = life?.bad ?? life?.clearSince ?? life?.critical ?? life?.calmSince;
  if (!life || counting === undefined) return same(life);
  const knownTo = followsGap(span) ? NEVER : (life.knownTo ?? span.previousTo);
  return stepTo(life, { ...life, knownTo });
}

function notBad(life: Life | undefined): Step {
  if (!life) return same(life);
  if (life.phase === "pending") return stepTo(life, undefined);
  return stepTo(life, { ...life, bad: undefined, critical: undefined, knownTo: undefined });
}

function whileNotOpen(before: Life | undefined, severity: Severity, span: Span, policy: Policy): Step {
  const counted = broken(before, span) ? undefined : before;
  const needCritical = policy.critical ?? policy.need;
  const bad = grown(counted?.bad, span, policy.need);
  const critical = severity === "critical" ? grown(counted?.critical, span, needCritical) : undefined;
  if (isMet(critical, span, needCritical) && mayOpen(before, "critical", span))
    return opened(before, { severity: "critical", since: bad.since }, span);
  if (isMet(bad, span, policy.need) && mayOpen(before, "warning", span))
    return opened(before, { severity: "warning", since: bad.since, critical }, span);
  const pending: Life = before ?? { phase: "pending" };
  return stepTo(before, { ...pending, bad, critical, knownTo: undefined });
}

type Opening = { severity: Severity; since: number; critical?: Run | undefined };

function opened(before: Life | undefined, { severity, since, critical }: Opening, span: Span): Step {
  const opens = [...recentOpens(before, span.to), span.to];
  const flapping = opens.length > FLAP_OPENS ? true : undefined;
  const life: Life = { phase: "open", severity, worst: severity, critical, openedAt: since, opens, flapping };
  return stepTo(before, life, flapping ? "flapping" : "opened");
}

const recentOpens = (life: Life | undefined, at: number): readonly number[] =>
  (life?.opens ?? []).filter((open) => open > at - FLAP_WINDOW_MS).slice(-FLAP_OPENS);

const mayOpen = (life: Life | undefined, as: Severity, span: Span): boolean =>
  life?.phase !== "resolved" ||
  span.to >= (life.coolUntil ?? 0) ||
  (life.worst !== undefined && isWorse(as, life.worst));

function whileOpen(
  before: Life,
  finding: Exclude<Finding, { verdict: "unknown" }>,
  span: Span,
  policy: Policy,
): Step {
  const life: Life = { ...before, knownTo: undefined, stale: undefined };
  if (broken(before, span)) {
    life.critical = undefined;
    life.calmSince = undefined;
    life.clearSince = undefined;
  }
  life.clearSince = finding.verdict === "clear" ? (life.clearSince ?? span.from) : undefined;
  if (life.clearSince !== undefined) {
    const clearMs = life.flapping ? Math.max(policy.clearMs, FLAP_CLEAR_MS) : policy.clearMs;
    if (span.to - life.clearSince >= clearMs)
      return stepTo(before, resolved(life, life.clearSince, span.to, policy.cooldownMs), "resolved");
  }
  const critical = finding.verdict === "bad" && finding.severity === "critical";
  return life.severity === "critical"
    ? openAsCritical(before, life, critical, { span, policy })
    : openAsWarning(before, life, critical, { span, policy });
}

type At = { span: Span; policy: Policy };

function openAsCritical(before: Life, life: Life, critical: boolean, { span, policy }: At): Step {
  life.calmSince = critical ? undefined : (life.calmSince ?? span.from);
  // While it is clear it is about to resolve: one message says so, not two.
  if (life.calmSince === undefined || life.clearSince !== undefined) return stepTo(before, life);
  const eased = life.eased ?? 0;
  if (eased >= MAX_EASES || span.to - life.calmSince < policy.clearMs / EASE_PART)
    return stepTo(before, life);
  return stepTo(before, { ...life, severity: "warning", calmSince: undefined, eased: eased + 1 }, "eased");
}

function openAsWarning(before: Life, life: Life, critical: boolean, { span, policy }: At): Step {
  const need = policy.critical ?? policy.need;
  life.critical = critical ? grown(life.critical, span, need) : undefined;
  if (!isMet(life.critical, span, need)) return stepTo(before, life);
  return stepTo(
    before,
    { ...life, severity: "critical", worst: "critical", critical: undefined },
    "worsened",
  );
}

const resolved = (life: Life, endedAt: number, at: number, cooldownMs: number): Life => ({
  phase: "resolved",
  worst: life.worst,
  openedAt: life.openedAt,
  endedAt,
  closedAt: at,
  coolUntil: at + cooldownMs,
  opens: recentOpens(life, at),
});

/**
 * What becomes of a life at `at` (by the clock) while its node is silent since `lastWindowTo` (undefined: no window of it is kept) or
 * after it was retired: what is open is frozen, then stale, and ends after EXPIRE_MS.
 */
export function expire(
  life: Life,
  at: number,
  node: { retired: boolean; lastWindowTo?: number | undefined },
): Step {
  if (life.phase !== "open")
    return node.retired && life.phase === "pending" ? stepTo(life, undefined) : same(life);
  const silentMs = at - (node.lastWindowTo ?? Number.NEGATIVE_INFINITY);
  if (node.retired) return end(life, at, "retired");
  if (silentMs >= EXPIRE_MS) return end(life, at, "silent");
  if (silentMs < STALE_MS || life.stale) return same(life);
  return stepTo(life, { ...life, stale: true }, "stale");
}

/** Ends a life that no window will end. It does not cool down: nothing says that it is well. */
export function end(life: Life, at: number, reason: EndReason): Step {
  if (life.phase === "pending") return stepTo(life, undefined);
  if (life.phase === "resolved") return same(life);
  return { ...stepTo(life, resolved(life, at, at, 0), "resolved"), reason };
}

/** Whether windows that say nothing special must be judged for it too. */
export const isAwake = (life: Life): boolean => life.phase !== "resolved" || life.bad !== undefined;

/** From when on nothing is left to remember; undefined while it is open. */
export function forgetAt(life: Life): number | undefined {
  if (life.phase === "open") return undefined;
  const counted = life.bad ? life.bad.since + FORGET_PENDING_MS : 0;
  if (life.phase === "pending") return counted;
  return Math.max(counted, life.coolUntil ?? 0, (life.closedAt ?? 0) + FLAP_WINDOW_MS);
}
