import type { Look, NodeWindow, PortsRow } from "../../db/look.ts";
import { largest } from "./answers.ts";
import { causeOf, FULL, hasPorts, isLossy, lossesOf } from "./losses.ts";
import type { Losses } from "./losses.ts";
import { defineNodeRule } from "./rule.ts";
import type { Contributor, Finding, Measured, Thresholds } from "./rule.ts";
import { scoreOf } from "./score.ts";
import { secondsOf } from "./series.ts";
import { contributorsBy, nodeSubject } from "./subject.ts";
import { fillOf, HOUR_MS, MINUTE_MS } from "./window.ts";

const rate = (value: number, title: string) => ({
  default: value,
  min: 0.01,
  max: 1_000_000,
  unit: "packets/s",
  title,
});
const ratio = (value: number, title: string) => ({
  default: value,
  min: 0.0001,
  max: 1,
  unit: "ratio",
  title,
});
const thresholds = {
  warn: rate(1, "Packets lost a second over five minutes: warning"),
  critical: rate(10, "Packets lost a second over five minutes: critical"),
  share: ratio(0.001, "Lost of all flows that were to be opened: warning"),
  full: ratio(FULL, "Packets lost while the table is as full as this: critical"),
  early: ratio(0.9, "Entries pushed out while the table is as full as this: critical"),
  insertFailed: rate(5, "Failed inserts a second over five minutes, without losses: warning"),
  score: { default: 6, min: 1, max: 50, unit: "score", title: "So unusual do failed inserts have to be" },
};
type Name = keyof typeof thresholds;

/** Lost in some of the last five minutes, and in so many of them: what is lost once needs nobody. */
const LEAST_MINUTES = 3;
/** Fewer are no share of anything: a node that opens next to nothing may lose some. */
const LEAST_LOST = 10;
/** All is well below this part of what warns. */
const CALM = 0.5;
const CALM_SCORE = 3;

/** New flows get no entry: which of the reasons there are, the counters tell together. */
export const drops = defineNodeRule<Name>({
  name: "drops",
  revision: 1,
  title: "Packets are dropped because they get no entry",
  unit: "packets/s",
  series: "drop",
  thresholds,
  ascending: [["warn", "critical"]],
  policy: {
    // Five minutes were looked at already.
    need: { windows: 1, ms: 0 },
    clearMs: 15 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  gate(window, limits) {
    if (isLossy(window)) return { flows: {}, ...((window.insertFailed ?? 0) > 0 && { ports: true }) };
    if (isEarly(window, limits)) return { flows: {} };
    return insertsFail(window, limits) ? { flows: {}, hours: true, peers: true } : undefined;
  },
  judge: (look, limits) => [{ subject: nodeSubject(look.window), finding: judged(look, limits) }],
});

const isEarly = (window: NodeWindow, limits: Thresholds<Name>): boolean =>
  (window.earlyDrop ?? 0) > 0 && (fillOf(window) ?? 0) >= limits.early;

/** Before 5.10, which counts clashes apart, those that were resolved counted as failed: information only. */
const insertsFail = (window: NodeWindow, { insertFailed }: Thresholds<Name>): boolean =>
  window.clashResolve !== undefined && (window.insertFailed ?? 0) > insertFailed * secondsOf(window);

function judged(look: Look, limits: Thresholds<Name>): Finding {
  const losses = lossesOf(look);
  if (losses.lost === undefined && losses.insertFailed === undefined && losses.earlyDrop === undefined)
    return { verdict: "unknown" };
  return (
    lossFinding(look, losses, limits) ?? earlyFinding(look, losses, limits) ?? restOf(look, losses, limits)
  );
}

const perSecond = (count: number | undefined, { seconds }: Losses): number =>
  (count ?? 0) / Math.max(seconds, 1);

/** Of the flows that were to be opened; undefined where nobody counts those that were. */
const shareOf = ({ lost = 0, opened }: Losses): number | undefined =>
  opened === undefined || lost + opened === 0 ? undefined : lost / (lost + opened);

function lossFinding(look: Look, losses: Losses, limits: Thresholds<Name>): Finding | undefined {
  const { lost = 0, minutes } = losses;
  if (minutes < LEAST_MINUTES || lost < LEAST_LOST) return undefined;
  const value = perSecond(lost, losses);
  const isMuch = value >= limits.warn || (shareOf(losses) ?? 0) >= limits.share;
  if (!isMuch) return undefined;
  const isCritical = value >= limits.critical || (losses.fill ?? 0) >= limits.full;
  const measured = { value, ...tellingOf(look, losses, causeOf(losses)) };
  return isCritical
    ? { verdict: "bad", severity: "critical", limit: limits.critical, ...measured }
    : { verdict: "bad", severity: "warning", limit: limits.warn, ...measured };
}

function earlyFinding(look: Look, losses: Losses, limits: Thresholds<Name>): Finding | undefined {
  if ((losses.earlyDrop ?? 0) === 0 || (fillOf(look.window) ?? 0) < limits.early) return undefined;
  const value = perSecond(losses.earlyDrop, losses);
  // Where some find no entry in spite of it, that is the news.
  const cause = losses.tableFull > 0 || (losses.drop ?? 0) > 0 ? "table-full" : "early-drop";
  return { verdict: "bad", severity: "critical", value, ...tellingOf(look, losses, cause) };
}

/** Failed inserts without losses that count, or nothing. */
function restOf(look: Look, losses: Losses, limits: Thresholds<Name>): Finding {
  const inserts = perSecond(losses.insertFailed, losses);
  const usual = losses.clashResolve === undefined ? undefined : scoreOf("insertFailed", look);
  if (usual && inserts > limits.insertFailed && usual.score >= limits.score) {
    const against = { limit: limits.insertFailed, baseline: usual.baseline.mean, score: usual.score };
    return {
      verdict: "bad",
      severity: "warning",
      value: inserts,
      ...against,
      ...tellingOf(look, losses, "clash"),
    };
  }
  const isUsual = inserts <= CALM * limits.insertFailed || (usual?.score ?? 0) < CALM_SCORE;
  const measured = {
    value: perSecond(losses.lost, losses),
    limit: limits.warn,
    // What still goes on is still a case of the same.
    cause: (losses.lost ?? 0) > 0 ? causeOf(losses) : undefined,
    facts: factsOf(losses),
  };
  return { verdict: isUsual && isCalm(losses, limits) ? "clear" : "between", ...measured };
}

function isCalm(losses: Losses, limits: Thresholds<Name>): boolean {
  const { lost = 0 } = losses;
  const isFew = lost < LEAST_LOST || (shareOf(losses) ?? 0) < CALM * limits.share;
  return isFew && perSecond(lost, losses) < CALM * limits.warn;
}

/** What a message says beside how many. */
function tellingOf(look: Look, losses: Losses, cause: string | undefined): Partial<Measured> {
  const facts = factsOf(losses);
  const row = cause === "ports-exhausted" && hasPorts(look) ? fullest(look.ports ?? []) : undefined;
  if (!row) return { cause, facts, contributors: contributorsOf(look, cause) };
  const { natAddress, peer, peerPort, protocol, used, holders } = row;
  const contributors = holders.map((held) => ({
    party: held.party,
    value: held.used,
    peer,
    peerPort,
    protocol,
    natAddress,
  }));
  return {
    cause,
    facts: { ...facts, natAddress, peer, peerPort, protocol, portsUsed: used },
    contributors: largest(contributors),
  };
}

const fullest = (rows: readonly PortsRow[]): PortsRow | undefined =>
  rows.toSorted((a, b) => b.used - a.used)[0];

/** A full table is of those who have its entries; what else is lost, of those who open flows, or who get no answer. */
function contributorsOf({ flows }: Look, cause: string | undefined): Contributor[] | undefined {
  const isFull = cause === "table-full" || cause === "early-drop";
  return contributorsBy(flows?.parties, ({ entries, opened, unreplied }) =>
    isFull ? entries : (opened ?? unreplied),
  );
}

/** Counters over `seconds`; what is not known is left out. */
const factsOf = (losses: Losses): Record<string, number> =>
  Object.fromEntries(
    Object.entries({ ...losses, share: shareOf(losses) }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
