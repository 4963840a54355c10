import { invalid } from "./problem.ts";
import { Report } from "./wire.ts";

/** On the wire. The worst report there can be is a fifth of it when compressed. */
export const MAX_WIRE_BYTES = 256 * 1024;
/** Inflated. The worst report, every column full of large numbers, stays below. */
export const MAX_INFLATED_BYTES = 2 * 1024 * 1024;
/** A clock may run this far ahead. */
export const MAX_AHEAD_MS = 5 * 60_000;
/** Older windows no longer have leases to add to, and no agent keeps them. */
export const MAX_REPORT_AGE_MS = 72 * 3_600_000;

/** A report out of JSON of unknown shape. Throws a problem that lists what is wrong with it. */
export function parseReport(body: unknown, now: number): Report {
  const result = Report.safeParse(body);
  if (!result.success) throw invalid("The report is invalid.", result.error.issues);
  const { from, to } = result.data.window;
  if (to > now + MAX_AHEAD_MS)
    throw invalid("The report is from the future.", [
      { path: ["window", "to"], message: "over 5 minutes ahead" },
    ]);
  if (from < now - MAX_REPORT_AGE_MS)
    throw invalid("The report is too old.", [{ path: ["window", "from"], message: "over 72 hours ago" }]);
  return result.data;
}
