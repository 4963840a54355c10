import type { Look, NodeWindow, PortsRow } from "../../db/look.ts";
import { availableOf } from "../../db/ports/occupied.ts";
import { exhaustedAt, MIN_POINTS } from "../../db/ports/trend.ts";
import type { Point } from "../../db/ports/trend.ts";
import { each, largest } from "./answers.ts";
import { defineNodeRule } from "./rule.ts";
import type { Contributor, Finding, Severity, Subject, Thresholds } from "./rule.ts";
import { keyOf } from "./subject.ts";
import { HOUR_MS, isFresh, MINUTE_MS } from "./window.ts";

const ratio = (value: number, title: string) => ({ default: value, min: 0.05, max: 1, unit: "ratio", title });
const thresholds = {
  warnClose: ratio(0.6, "Less in use than this: all is well"),
  warn: ratio(0.7, "So many in use: warning"),
  criticalClose: ratio(0.75, "Critical until less are in use than this"),
  critical: ratio(0.85, "So many in use: critical"),
  withinMs: {
    default: 30 * MINUTE_MS,
    min: 0,
    max: 24 * HOUR_MS,
    unit: "ms",
    title: "As many in use as warn, and the last one taken within this: critical",
  },
  available: {
    default: 0,
    min: 0,
    max: 65_536,
    unit: "ports",
    title:
      "Ports there are towards one peer where the NAT rule has a range of its own; 0: as the kernel has them",
  },
};
type Name = keyof typeof thresholds;

/** Whoever has less of the node's SNAT entries than this does not explain how these grow. */
const LEAST_SHARE = 0.5;
/** A line through less time is none. */
const LEAST_SPAN_MS = 3 * MINUTE_MS;

const fewest = ({ available }: Thresholds<Name>): number => (available > 0 ? available : availableOf(0));

/** So many ports of a NAT address are in use towards one peer that new flows to it will find none. */
export const ports = defineNodeRule<Name>({
  name: "ports",
  revision: 1,
  title: "SNAT ports towards a peer run out",
  unit: "ratio",
  series: "natSnat",
  thresholds,
  ascending: [
    ["warnClose", "warn", "critical"],
    ["criticalClose", "critical"],
  ],
  policy: {
    need: { windows: 2, ms: 0 },
    clearMs: 15 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  // No peer can have more of them than there are entries with SNAT.
  gate: (window, limits) =>
    isFresh(window) && (window.snat ?? 0) >= limits.warn * fewest(limits) ? { ports: true } : undefined,
  needOf: { ports: true },
  judge(look, limits, known, open) {
    const { window } = look;
    if (!look.ports || !isFresh(window)) return each(known, { verdict: "unknown" });
    const lives = new Set(known.map(({ key }) => key));
    return look.ports.flatMap((row) => {
      const subject = subjectOf(window, row);
      const finding = judged(look, row, limits, open?.get(subject.key));
      return finding.verdict === "bad" || lives.has(subject.key) ? [{ subject, finding }] : [];
    });
  },
});

function subjectOf({ node }: NodeWindow, row: PortsRow): Subject {
  const { natAddress, protocol, peer, peerPort, zone } = row;
  const key = keyOf(node, natAddress, `${protocol}`, peer, `${peerPort}`, `${zone}`);
  return { kind: "ports", key, node, natAddress, peer, peerPort, protocol };
}

function judged(
  look: Look,
  row: PortsRow,
  limits: Thresholds<Name>,
  severity: Severity | undefined,
): Finding {
  const available = limits.available > 0 ? limits.available : availableOf(row.protocol);
  const value = row.used / available;
  const leftMs = leftOf(look, row, available);
  const measured = {
    value,
    contributors: holdersOf(row),
    facts: { used: row.used, available, ...(leftMs !== undefined && { leftMs }) },
  };
  const critical = severity === "critical" ? limits.criticalClose : limits.critical;
  const isSoon = value >= limits.warn && leftMs !== undefined && leftMs <= limits.withinMs;
  if (value >= critical || isSoon)
    return { verdict: "bad", severity: "critical", limit: limits.critical, ...measured };
  if (value >= limits.warn) return { verdict: "bad", severity: "warning", limit: limits.warn, ...measured };
  return { verdict: value < limits.warnClose ? "clear" : "between", limit: limits.warn, ...measured };
}

/**
 * Until the last port is in use, if it goes on as in the last minutes. Only the latest dump's ports are known: those before are taken
 * to have had the same share of the node's SNAT entries, where that is most of them.
 */
function leftOf({ window, recent }: Look, row: PortsRow, available: number): number | undefined {
  const share = row.used / (window.snat ?? 0);
  if (!(share >= LEAST_SHARE && share <= 1)) return undefined;
  const points = [...recent, window].flatMap(({ takenAt, snat, ...rest }): Point[] =>
    takenAt !== undefined && snat !== undefined && isFresh({ takenAt, ...rest })
      ? [[takenAt, snat * share]]
      : [],
  );
  const [first, last] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0];
  if (points.length < MIN_POINTS || last - first < LEAST_SPAN_MS) return undefined;
  const at = exhaustedAt(points, available);
  return at === undefined ? undefined : Math.max(0, at - last);
}

const holdersOf = ({ holders, peer, peerPort, protocol, natAddress }: PortsRow): Contributor[] =>
  largest(holders.map(({ party, used }) => ({ party, value: used, peer, peerPort, protocol, natAddress })));
