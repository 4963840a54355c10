import type { FlowRow, Flows, Look, NodeWindow } from "../../db/look.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Thresholds } from "./rule.ts";
import { isHigh, isLow, scored, scoreOf } from "./score.ts";
import { measure } from "./series.ts";
import { contributorsBy, nodeSubject, peerFacts, present } from "./subject.ts";
import type { Facts } from "./subject.ts";
import { HOUR_MS, MINUTE_MS } from "./window.ts";

const ratio = (value: number, title: string) => ({
  default: value,
  min: 0.0001,
  max: 1,
  unit: "ratio",
  title,
});
const score = (value: number, title: string) => ({ default: value, min: 0.5, max: 50, unit: "score", title });

const thresholds = {
  least: { default: 1_000, min: 10, max: 10_000_000, unit: "entries", title: "Half-open entries" },
  part: ratio(0.01, "Half-open entries, as a part of the table's limit"),
  share: ratio(0.2, "Part of the node's entries that are half-open"),
  closeScore: score(3, "All is well where the score is lower"),
  score: score(6, "Score of the half-open entries, against what is usual"),
};
type Name = keyof typeof thresholds;
type Limits = Thresholds<Name>;

/** Where nobody knows what is usual: so many times as many entries, and this part of all. */
const UNKNOWN = { times: 5, share: 0.5 };
/** Back below this part of the thresholds all is well, whatever is usual. */
const CLOSE_PART = 0.5;
/** So long the kernel keeps SYN_SENT: by Little's law, entries by that time are attempts a second. */
const LIFETIME_S = 120;
/** One destination, or one source, is the cause where it has more than this of the unreplied entries. */
const CAUSE_SHARE = 0.5;

/** Many flows get no answer: a destination is down, or somebody scans. */
export const halfOpen = defineNodeRule<Name>({
  name: "half-open",
  revision: 1,
  title: "Many half-open connections",
  unit: "entries",
  series: "unreplied",
  thresholds,
  ascending: [["closeScore", "score"]],
  // Two windows of the usual length; of shorter ones more, that a burst of some seconds is none.
  policy: { need: { windows: 2, ms: 45_000 }, clearMs: 15 * MINUTE_MS, cooldownMs: HOUR_MS },
  gate(window, limits) {
    const count = measure("halfOpen", window) ?? 0;
    const isMuch = count >= leastOf(window, limits) && shareOf(count, window) >= limits.share;
    return isMuch ? { hours: true, peers: true, flows: {} } : undefined;
  },
  needOf: { hours: true, peers: true },
  judge: (look, limits) => [{ subject: nodeSubject(look.window), finding: judged(look, limits) }],
});

const leastOf = ({ max = 0 }: NodeWindow, { least, part }: Limits): number => Math.max(least, part * max);

const shareOf = (count: number, { entries = 0 }: NodeWindow): number =>
  entries > 0 ? Math.min(count / entries, 1) : 0;

function judged(look: Look, limits: Limits): Finding {
  const { window } = look;
  const value = measure("halfOpen", window);
  if (value === undefined) return { verdict: "unknown" };
  const known = scoreOf("halfOpen", look);
  const limit = known ? leastOf(window, limits) : UNKNOWN.times * leastOf(window, limits);
  const share = shareOf(value, window);
  const leastShare = known ? limits.share : Math.max(UNKNOWN.share, limits.share);
  const { cause, facts } = causeOf(look.flows);
  const measured = {
    value,
    limit,
    ...scored(known),
    cause,
    contributors: contributorsBy(look.flows?.parties, ({ unreplied }) => unreplied),
    facts: present({ share, perSecond: value / LIFETIME_S, ...facts }),
  };
  if (value >= limit && share >= leastShare && isHigh(known, limits.score))
    return { verdict: "bad", severity: "warning", ...measured };
  const isFew = value < CLOSE_PART * limit || share < CLOSE_PART * leastShare;
  const isClear = isFew || isLow(known, limits.closeScore);
  return { verdict: isClear ? "clear" : "between", ...measured };
}

/** Most of what is unreplied goes to one destination: that is down. It comes from one source and goes to many: that scans. */
function causeOf(flows: Flows | undefined): { cause?: string | undefined; facts: Facts } {
  if (!flows || flows.unreplied <= 0) return { facts: {} };
  const [destination] = destinationsOf(flows.flows);
  const [source] = contributorsBy(flows.parties, ({ unreplied }) => unreplied) ?? [];
  const toOne = (destination?.unreplied ?? 0) / flows.unreplied;
  const fromOne = (source?.value ?? 0) / flows.unreplied;
  const others = fromOne > CAUSE_SHARE ? "scan" : undefined;
  return {
    cause: toOne > CAUSE_SHARE ? "destination-down" : others,
    facts: { ...peerFacts(destination), peerShare: Math.min(toOne, 1), sourceShare: Math.min(fromOne, 1) },
  };
}

/** Rows of the same peer, port and protocol as one, most unreplied first. */
function destinationsOf(flows: readonly FlowRow[]): FlowRow[] {
  const sums = new Map<string, FlowRow>();
  for (const flow of flows) {
    const key = `${flow.peer} ${flow.peerPort} ${flow.protocol}`;
    const sum = sums.get(key);
    sums.set(key, { ...flow, unreplied: flow.unreplied + (sum?.unreplied ?? 0) });
  }
  return [...sums]
    .toSorted(([a, first], [b, second]) => second.unreplied - first.unreplied || (a < b ? -1 : 1))
    .map(([, flow]) => flow);
}
