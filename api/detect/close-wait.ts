import type { Look } from "../../db/look.ts";
import { pointsOf } from "./history.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Thresholds } from "./rule.ts";
import { usualOf } from "./score.ts";
import { contributorsBy, nodeSubject } from "./subject.ts";
import { HOUR_MS, isEarlyIn, isFresh, MINUTE_MS } from "./window.ts";

const thresholds = {
  least: { default: 500, min: 1, max: 10_000_000, unit: "entries", title: "Fewer entries are no pile" },
  part: {
    default: 0.005,
    min: 0,
    max: 1,
    unit: "ratio",
    title: "A smaller part of the table's limit is no pile",
  },
  usual: {
    default: 3,
    min: 1,
    max: 1_000,
    unit: "times",
    title: "So many times what is usual at this time of day",
  },
  rising: {
    default: 5,
    min: 0,
    max: 6,
    unit: "count",
    title: "Of the last six steps of ten minutes, so many are upwards",
  },
};
type Name = keyof typeof thresholds;

const STEPS = 6;
/** What rises from ten minutes to ten minutes is looked at as often; for so long, as there is no dump in every window. */
const EVERY_MS = 10 * MINUTE_MS;
const LOOKED_AT_MS = 2 * MINUTE_MS;
/** The kernel's own timeout. Where entries are kept longer, as kube-proxy has it (one hour), as many more pile up of the same closing. */
const KERNEL_TIMEOUT_S = 60;
/** Without history, this many times more may be no pile at most: else one hour would excuse sixty times more. */
const MOST_EXCUSED = 10;
/** All is well below this part of what is a pile. */
const CALM = 0.7;
/** And below this many times what is usual, where that is less than what opens. */
const CALM_USUAL = 1.5;

/** Somebody does not close connections that the other side closed: entries in CLOSE_WAIT pile up. */
export const closeWait = defineNodeRule<Name>({
  name: "close-wait",
  revision: 1,
  title: "Connections that are not closed pile up",
  unit: "entries",
  series: "tcpCloseWait",
  thresholds,
  policy: {
    need: { windows: 2, ms: 2 * MINUTE_MS },
    clearMs: 15 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  gate: (window, limits) =>
    isEarlyIn(window, EVERY_MS, LOOKED_AT_MS) &&
    isFresh(window) &&
    (window.closeWait ?? -1) >= floorOf(window.max, limits)
      ? { trend: true, hours: true, ages: true }
      : undefined,
  urgent: false,
  needOf: { trend: true, hours: true, ages: true, flows: {} },
  judge: (look, limits) => [{ subject: nodeSubject(look.window), finding: judged(look, limits) }],
});

const floorOf = (max: number | undefined, { least, part }: Thresholds<Name>): number =>
  Math.max(least, part * (max ?? 0));

function judged(look: Look, limits: Thresholds<Name>): Finding {
  const { window } = look;
  const value = window.closeWait;
  if (value === undefined || !isFresh(window)) return { verdict: "unknown" };
  const { baseline, timeoutS, limit, calm } = heldAgainst(look, limits);
  const measured = {
    value,
    limit,
    baseline,
    contributors: contributorsBy(look.flows?.parties, (row) => row.closeWait),
    facts: { ...(timeoutS !== undefined && { timeoutS }) },
  };
  if (value < limit) return { verdict: value < calm ? "clear" : "between", ...measured };
  const steps = stepsUp(look);
  if (steps === undefined) return { verdict: "unknown" };
  return steps >= limits.rising
    ? { verdict: "bad", severity: "warning", ...measured }
    : { verdict: "between", ...measured };
}

/** From `limit` on it is a pile, and below `calm` all is well. */
function heldAgainst(look: Look, limits: Thresholds<Name>) {
  const baseline = usualOf("closeWait", look)?.mean;
  const timeoutS = look.ages?.find(({ of }) => of === "tcp-close-wait")?.timeoutS;
  const floor = floorOf(look.window.max, limits);
  if (baseline === undefined) {
    const limit = floor * excuseOf(timeoutS);
    return { baseline, timeoutS, limit, calm: CALM * limit };
  }
  const limit = Math.max(floor, limits.usual * baseline);
  const calm = Math.max(CALM * floor, Math.min(CALM * limit, CALM_USUAL * baseline));
  return { baseline, timeoutS, limit, calm };
}

const excuseOf = (timeoutS = KERNEL_TIMEOUT_S): number =>
  Math.min(Math.max(timeoutS / KERNEL_TIMEOUT_S, 1), MOST_EXCUSED);

/** How many of the last six steps from ten minutes to ten minutes were upwards; undefined where so many are not known. */
function stepsUp({ window, trend }: Look): number | undefined {
  const means = pointsOf(trend ?? [], "closeWait", window.to)
    .map(([, mean]) => mean)
    .slice(-STEPS - 1);
  if (means.length <= STEPS) return undefined;
  return means.filter((mean, i) => i > 0 && mean > (means[i - 1] ?? 0)).length;
}
