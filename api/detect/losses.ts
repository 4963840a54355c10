import type { Look, NodeWindow } from "../../db/look.ts";
import { fillOf, isFresh, MINUTE_MS, SECOND_MS, sumOf, within } from "./window.ts";

/** What was lost is counted over so long, as minutes of which some lost nothing. */
export const SPAN_MS = 5 * MINUTE_MS;

/** What the kernel counted of flows that got no entry, over the last SPAN_MS; what no window knows is undefined. */
export type Losses = {
  seconds: number;
  /** Packets whose new flow got no entry. */
  lost: number | undefined;
  /** Minutes in which some were. */
  minutes: number;
  drop: number | undefined;
  insertFailed: number | undefined;
  earlyDrop: number | undefined;
  clashResolve: number | undefined;
  chainTooLong: number | undefined;
  found: number | undefined;
  opened: number | undefined;
  /** Lines of the kernel log. */
  tableFull: number;
  /** The fullest that the table was at the end of any window. */
  fill: number | undefined;
};

/** Chains that are too long count as insertFailed, and their packets as no drop. */
function lostIn({ drop, chainTooLong }: NodeWindow): number | undefined {
  return drop === undefined && chainTooLong === undefined ? undefined : (drop ?? 0) + (chainTooLong ?? 0);
}

export const isLossy = (window: NodeWindow): boolean => (lostIn(window) ?? 0) > 0;

export function lossesOf({ window, recent }: Pick<Look, "window" | "recent">): Losses {
  const spans = within([...recent, window], window.to, SPAN_MS);
  const known = spans.flatMap((one) => lostIn(one) ?? []);
  const fills = spans.flatMap((one) => fillOf(one) ?? []);
  return {
    seconds: spans.reduce((sum, { from, to }) => sum + (to - from), 0) / SECOND_MS,
    lost: known.length === 0 ? undefined : known.reduce((sum, lost) => sum + lost, 0),
    minutes: minutesOf(spans, window.to),
    drop: sumOf(spans, "drop"),
    insertFailed: sumOf(spans, "insertFailed"),
    earlyDrop: sumOf(spans, "earlyDrop"),
    clashResolve: sumOf(spans, "clashResolve"),
    chainTooLong: sumOf(spans, "chainTooLong"),
    found: sumOf(spans, "found"),
    opened: sumOf(spans, "opened"),
    tableFull: sumOf(spans, "tableFull") ?? 0,
    fill: fills.length === 0 ? undefined : Math.max(...fills),
  };
}

/** A window longer than a minute has at most as many lossy minutes as it lost packets. */
function minutesOf(spans: readonly NodeWindow[], at: number): number {
  const short = new Set<number>();
  let long = 0;
  for (const window of spans) {
    const lost = lostIn(window) ?? 0;
    const minutes = (window.to - window.from) / MINUTE_MS;
    if (lost > 0 && minutes <= 1) short.add(Math.floor((at - window.to) / MINUTE_MS));
    else long += Math.min(Math.round(minutes), lost);
  }
  return short.size + long;
}

/** The table counts as full from here: new flows lose before the last entry is taken. */
export const FULL = 0.95;
/** While it seeks a port the kernel meets so many taken ones at least before it gives up: it tries 248; 70 to 100 were measured. */
const FOUND_A_REFUSAL = 20;
/** Counters that rise together differ by no more than this. */
const TOGETHER = 0.5;

export type Cause = "table-full" | "ports-exhausted" | "chain-too-long" | "clash";

/** Which counters rose together says why packets were lost; undefined where no combination is known that does. */
export function causeOf(losses: Losses): Cause | undefined {
  const { drop = 0, insertFailed = 0, chainTooLong = 0, fill = 0 } = losses;
  if (chainTooLong > drop) return "chain-too-long";
  if (insertFailed < TOGETHER * drop) return losses.tableFull > 0 || fill >= FULL ? "table-full" : undefined;
  return fill < FULL ? failedBy(losses, insertFailed) : undefined;
}

/** Before 5.10, which counts clashes apart, both insertFailed and found counted what was no failure as well. */
function failedBy({ clashResolve, found }: Losses, insertFailed: number): Cause | undefined {
  if (clashResolve === undefined || found === undefined) return undefined;
  return found >= FOUND_A_REFUSAL * insertFailed ? "ports-exhausted" : "clash";
}

/** Whether the ports in use are those of this window. */
export const hasPorts = ({ window, ports }: Look): boolean =>
  ports !== undefined && ports.length > 0 && isFresh(window);
