import type { Look, NodeWindow } from "../../db/look.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Thresholds } from "./rule.ts";
import { nodeSubject } from "./subject.ts";
import { HOUR_MS, isEarlyIn, MINUTE_MS, usedOf } from "./window.ts";

const time = (value: number, max: number, title: string) => ({
  default: value,
  min: MINUTE_MS,
  max,
  unit: "ms",
  title,
});
const thresholds = {
  // Windows of ten minutes are looked at.
  lossyMs: time(10 * MINUTE_MS, 10 * MINUTE_MS, "The kernel lost events in every window for so long"),
  staleMs: time(HOUR_MS, 24 * HOUR_MS, "No dump of the table succeeded for so long"),
  frozen: {
    default: 200,
    min: 1,
    max: 10_000_000,
    unit: "entries",
    title: "A table of so many entries does not stand still",
  },
};
type Name = keyof typeof thresholds;

/** What only the windows before tell is looked for every ten minutes, in one of them. */
const EVERY_MS = 10 * MINUTE_MS;
const LOOKED_AT_MS = MINUTE_MS;
/** So many windows that say exactly the same … */
const SAME_WINDOWS = 5;
/** … or, where windows are long, all of so much time. */
const SAME_MS = 10 * MINUTE_MS;
/** A window may come late or not at all. */
const SLACK_MS = MINUTE_MS;

/** An agent reports, but does not see what it saw before. An agent that never saw more has been set up so. */
export const blindAgent = defineNodeRule<Name>({
  name: "blind-agent",
  revision: 1,
  title: "The agent of a node no longer sees its table",
  unit: "ms",
  thresholds,
  policy: {
    need: { windows: 2, ms: 5 * MINUTE_MS },
    clearMs: 5 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  gate(window, limits) {
    if (isLossy(window) || isStale(window, limits)) return {};
    if (!isEarlyIn(window, EVERY_MS, LOOKED_AT_MS)) return undefined;
    if (isBare(window) || isEmpty(window)) return { trend: true, hours: true };
    return (usedOf(window) ?? -1) >= limits.frozen ? {} : undefined;
  },
  urgent: false,
  needOf: { trend: true, hours: true },
  judge: (look, limits) => [{ subject: nodeSubject(look.window), finding: judged(look, limits) }],
});

const isBare = ({ source }: NodeWindow): boolean => source === "none";
const isEmpty = ({ count, max }: NodeWindow): boolean => count === 0 && (max ?? 0) > 0;
const isLossy = ({ events }: NodeWindow): boolean => events === "lossy";
const isStale = ({ takenAt, to }: NodeWindow, { staleMs }: Thresholds<Name>): boolean =>
  takenAt !== undefined && to - takenAt >= staleMs;

function judged(look: Look, limits: Thresholds<Name>): Finding {
  const cause = causeOf(look, limits);
  if (cause === undefined)
    return isKnown(look.window) ? { verdict: "clear", value: 0 } : { verdict: "unknown" };
  return {
    verdict: "bad",
    severity: "warning",
    value: cause.ms,
    cause: cause.name,
    facts: factsOf(look.window),
  };
}

/** Whether the window says anything of what its agent sees. */
const isKnown = ({ source, events, count }: NodeWindow): boolean =>
  source !== undefined || events !== undefined || count !== undefined;

type Cause = { name: "no-source" | "empty-table" | "frozen" | "stale-dump" | "lossy"; ms: number };

function causeOf(look: Look, limits: Thresholds<Name>): Cause | undefined {
  const { window } = look;
  if (isBare(window) && hadSource(look)) return { name: "no-source", ms: lasting(look, isBare) };
  if (isEmpty(window) && hadEntries(look)) return { name: "empty-table", ms: lasting(look, isEmpty) };
  const frozenMs = frozenFor(look, limits);
  if (frozenMs !== undefined) return { name: "frozen", ms: frozenMs };
  if (isStale(window, limits)) return { name: "stale-dump", ms: window.to - (window.takenAt ?? window.to) };
  const lossyMs = lasting(look, isLossy);
  return lossyMs >= limits.lossyMs - SLACK_MS ? { name: "lossy", ms: lossyMs } : undefined;
}

/** For how long the latest windows have all been so, as far as windows are known. */
function lasting({ window, recent }: Look, is: (window: NodeWindow) => boolean): number {
  let from = window.to;
  for (const each of [...recent, window].toReversed()) {
    if (!is(each)) break;
    from = each.from;
  }
  return window.to - from;
}

const slotsOf = ({ trend = [], hours = [] }: Look) => [...trend, ...hours];

/** Only who dumps the table counts its entries. */
const hadSource = (look: Look): boolean =>
  look.recent.some((each) => each.source !== undefined && !isBare(each)) ||
  slotsOf(look).some(({ gauges }) => gauges.entries !== undefined);

const hadEntries = (look: Look): boolean =>
  look.recent.some(({ count = 0 }) => count > 0) ||
  slotsOf(look).some(({ gauges }) => (gauges.count?.max ?? 0) > 0);

/** All that is counted in a window, where a live table never has the same numbers twice. */
const COUNTED = [
  "count",
  "entries",
  "unreplied",
  "established",
  "timeWait",
  "udp",
  "snat",
  "opened",
  "closed",
  "found",
  "invalid",
  "drop",
] as const satisfies (keyof NodeWindow)[];

/** For how long nothing changed at all; undefined where something did, or too few windows say so. */
function frozenFor(look: Look, { frozen }: Thresholds<Name>): number | undefined {
  const { window } = look;
  if ((usedOf(window) ?? -1) < frozen) return undefined;
  const isSame = (other: NodeWindow) => COUNTED.every((name) => other[name] === window[name]);
  const ms = lasting(look, isSame);
  const windows = ms / (window.to - window.from);
  return windows >= SAME_WINDOWS || ms >= SAME_MS ? ms : undefined;
}

const factsOf = ({ source, events, count, overruns }: NodeWindow): Record<string, string | number> => ({
  ...(source !== undefined && { source }),
  ...(events !== undefined && { events }),
  ...(count !== undefined && { count }),
  ...(overruns !== undefined && { overruns }),
});
