import { MAX_AHEAD_MS } from "../db/tiers.ts";
import { invalid } from "./problem.ts";
import { Report } from "./wire.ts";

const HOUR_MS = 3_600_000;

/** On the wire. A report in which every table of flows and leases is full just fits, compressed; 48 kB is usual for a large one. */
export const MAX_WIRE_BYTES = 1024 * 1024;
/** Inflated. That report takes two thirds of it, and so does one with as many owners as may be. */
export const MAX_INFLATED_BYTES = 4 * 1024 * 1024;
/** Older windows no longer have leases to add to, and no agent keeps them. */
export const MAX_REPORT_AGE_MS = 72 * HOUR_MS;

/** A report out of JSON of unknown shape, no older than windows are kept. Throws a problem that lists what is wrong with it. */
export function parseReport(body: unknown, now: number, windowsKeptMs = MAX_REPORT_AGE_MS): Report {
  const result = Report.safeParse(body);
  if (!result.success) throw invalid("The report is invalid.", result.error.issues);
  const { from, to } = result.data.window;
  if (to > now + MAX_AHEAD_MS)
    throw invalid("The report is from the future.", [
      { path: ["window", "to"], message: "over 5 minutes ahead" },
    ]);
  const maxAge = Math.min(MAX_REPORT_AGE_MS, windowsKeptMs);
  if (from < now - maxAge)
    throw invalid("The report is too old.", [
      { path: ["window", "from"], message: `over ${maxAge / HOUR_MS} hours ago` },
    ]);
  return result.data;
}
