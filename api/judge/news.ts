import type { AnomalyUpdate } from "../../db/queries/anomalies.ts";
import { type Change, peakAfter } from "../alerts/engine.ts";
import type { Finding, Measured } from "../detect/rule.ts";

/** What is open is written again this often at most, unless it changes its severity or gets worse by this part of the worst. */
export const TOUCH_MS = 600_000;
export const WORSE_PART = 0.2;

/** What is to be written of an open anomaly; undefined where too little has changed. */
export function newsOf(
  { peak, lastAt }: { peak: number | null; lastAt: number | null },
  change: Change,
): Omit<AnomalyUpdate, "id"> | undefined {
  const { transition, finding, at, severity } = change;
  const measured = measuredOf(finding);
  const worst = peakAfter(peak ?? undefined, change) ?? null;
  const isDue = measured !== undefined && at - (lastAt ?? 0) >= TOUCH_MS;
  const stale = staleOf(change);
  if (!transition && !isDue && stale === undefined && !isMuchWorse(worst, peak)) return undefined;
  return given({
    severity,
    lastAt: measured && at,
    // That it is well again says less of it than how bad it was.
    finding: finding.verdict === "clear" ? undefined : measured,
    peak: worst ?? undefined,
    stale,
    resolvedAt: endOf(change),
  });
}

const endOf = ({ transition, life, at }: Change): number | undefined =>
  transition === "resolved" ? (life?.endedAt ?? at) : undefined;

/** What a finding has measured; undefined of one that tells nothing. */
export function measuredOf(finding: Finding): Measured | undefined {
  if (finding.verdict === "unknown") return undefined;
  const { verdict: _, ...rest } = finding;
  if ("severity" in rest) {
    const { severity: __, ...measured } = rest;
    return measured;
  }
  return rest;
}

const isMuchWorse = (worst: number | null, peak: number | null): boolean =>
  worst !== peak &&
  (worst === null || peak === null || Math.abs(worst - peak) >= WORSE_PART * Math.abs(peak));

/** Undefined: as before. */
function staleOf({ transition, before, life }: Change): boolean | undefined {
  if (transition === "stale") return true;
  return before?.stale && !life?.stale ? false : undefined;
}

/** Without what is undefined, so that it may be laid over what was known. */
export const given = <T extends object>(some: T): T =>
  Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as T;
