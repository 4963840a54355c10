import type { InvalidRow, Look } from "../../db/look.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Thresholds } from "./rule.ts";
import { isAfterGap, isHigh, isLow, scored, scoreOf } from "./score.ts";
import { measure } from "./series.ts";
import { nodeSubject } from "./subject.ts";
import { HOUR_MS, MINUTE_MS } from "./window.ts";

const thresholds = {
  rate: { default: 10, min: 0.1, max: 1_000_000, unit: "packets/s", title: "Invalid packets a second" },
  closeScore: { default: 3, min: 0.5, max: 50, unit: "score", title: "All is well below this score" },
  score: { default: 6, min: 0.5, max: 50, unit: "score", title: "Score of the rate, against what is usual" },
};
type Name = keyof typeof thresholds;

/** Where nobody knows what is usual, so many times the threshold. */
const UNKNOWN_TIMES = 10;
/** Back below this part of the threshold all is well, whatever is usual. */
const CLOSE_PART = 0.5;
const MAX_REASONS = 3;

/** Packets that belong to no connection: what they are sent for breaks, or somebody probes. */
export const invalidPackets = defineNodeRule<Name>({
  name: "invalid",
  revision: 1,
  title: "Many invalid packets",
  unit: "packets/s",
  series: "invalid",
  thresholds,
  ascending: [["closeScore", "score"]],
  policy: { need: { windows: 3, ms: MINUTE_MS }, clearMs: 15 * MINUTE_MS, cooldownMs: HOUR_MS },
  urgent: false,
  gate: (window, { rate }) =>
    (measure("invalid", window) ?? 0) >= rate ? { hours: true, peers: true, invalid: true } : undefined,
  needOf: { hours: true, peers: true },
  judge: (look, limits) => [{ subject: nodeSubject(look.window), finding: judged(look, limits) }],
});

function judged(look: Look, limits: Thresholds<Name>): Finding {
  const rate = measure("invalid", look.window);
  if (rate === undefined || isAfterGap(look.window, look.recent.at(-1))) return { verdict: "unknown" };
  const known = scoreOf("invalid", look);
  const limit = known ? limits.rate : UNKNOWN_TIMES * limits.rate;
  const measured = {
    value: rate,
    limit,
    ...scored(known),
    facts: reasonsOf(look.invalid),
  };
  if (rate >= limit && isHigh(known, limits.score))
    return { verdict: "bad", severity: "warning", ...measured };
  const isClear = rate < CLOSE_PART * limit || isLow(known, limits.closeScore);
  return { verdict: isClear ? "clear" : "between", ...measured };
}

/** What the kernel log says, most frequent first: reason1, lines1, reason2 … Absent where it says nothing. */
function reasonsOf(rows: readonly InvalidRow[] = []): Record<string, number | string> {
  const first = rows
    .toSorted((a, b) => b.lines - a.lines || (a.reason < b.reason ? -1 : 1))
    .slice(0, MAX_REASONS);
  return Object.fromEntries(
    first.flatMap(({ reason, lines }, i) => [
      [`reason${i + 1}`, reason],
      [`lines${i + 1}`, lines],
    ]),
  );
}
