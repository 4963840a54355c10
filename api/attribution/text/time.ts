import type { TextRules } from "./line.ts";

/** Epoch ms; why there is none although the text has a time; or undefined where it has none. */
export type TimeRead = number | "time-zone-unknown" | "no-such-time" | undefined;
type Rules = Pick<TextRules, "zoneMs" | "now">;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = String.raw`(?<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`;
const CLOCK = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)(?:[.,](?<fraction>\d{1,9}))?`;
/** Names that programs write for the zone of a time, and that do not say alone how far it is from UTC. */
const NAMED =
  "[ECMP][SD]T|CES?T|EES?T|WES?T|BST|IST|JST|KST|MSK|SGT|HKT|SAST|A[EC][SD]T|AWST|NZ[SD]T|BRT|PKT|WIB";
const ZONE = String.raw`(?: ?(?:(?<utc>Z|UTC|GMT)|(?<offset>[+-]\d\d(?::?\d\d)?)|(?<named>${NAMED}))(?![\w:]))?`;

/** `[21/Nov/2026:12:00:00 +0000]`: when the request came, whatever stands before it in the line. */
const COMMON = new RegExp(String.raw`(?<day>\d{1,2})/${MONTH}/(?<year>\d{4}):${CLOCK}${ZONE}`);
const OTHERS = [
  new RegExp(String.raw`(?<!\d)(?<year>\d{4})[-/](?<number>\d\d)[-/](?<day>\d\d)[T ]${CLOCK}${ZONE}`),
  new RegExp(String.raw`\b${MONTH} {1,2}(?<day>\d{1,2}) ${CLOCK} (?<year>\d{4})\b`),
  // Only at the begin: years are not written, so that anything might look like it.
  new RegExp(String.raw`^(?:<\d{1,3}>)?${MONTH} {1,2}(?<day>\d{1,2}) ${CLOCK}(?!\d)`),
];
const EPOCH = /^\[?(\d{10})\.(\d{1,9})(?!\d)/;

const DAY_MS = 86_400_000;
/** Among any nine years there is one with a 29th of February. */
const YEARS_BACK = 9;

/** The time that a line of a log tells of itself: that of the request where it has one, else the first. */
export function timeIn(line: string, rules: Rules): TimeRead {
  const [, seconds, fraction] = EPOCH.exec(line) ?? [];
  if (seconds !== undefined) return Number(seconds) * 1000 + millisecondsOf(fraction);
  const matches = OTHERS.map((pattern) => pattern.exec(line)).filter((match) => match !== null);
  const first = COMMON.exec(line) ?? matches.toSorted((a, b) => a.index - b.index)[0];
  return first?.groups && instantOf(first.groups, rules);
}

type Groups = Readonly<Record<string, string | undefined>>;

function instantOf(groups: Groups, { zoneMs, now }: Rules): TimeRead {
  const { utc, offset, named } = groups;
  if (named !== undefined && zoneMs === undefined) return "time-zone-unknown";
  const aheadMs = utc === undefined ? (parseOffset(offset) ?? zoneMs ?? 0) : 0;
  if (groups["year"] === undefined) return latest(groups, now + DAY_MS, aheadMs);
  const at = inYear(Number(groups["year"]), groups);
  return at === undefined ? "no-such-time" : at - aheadMs;
}

/** A year that is not written is the last in which the time is not more than a day ahead: clocks and zones may be off. */
function latest(groups: Groups, until: number, aheadMs: number): TimeRead {
  const last = new Date(until + aheadMs).getUTCFullYear();
  for (let year = last; year > last - YEARS_BACK; year--) {
    const at = inYear(year, groups);
    if (at !== undefined && at - aheadMs <= until) return at - aheadMs;
  }
  return "no-such-time";
}

/** As if it were in UTC; undefined where there is no such day or hour. */
function inYear(year: number, groups: Groups): number | undefined {
  const { month, number, day, hour, minute, second, fraction } = groups;
  const monthIndex = month === undefined ? Number(number) - 1 : MONTHS.indexOf(month.toLowerCase());
  const start = new Date(Date.UTC(year, monthIndex, Number(day)));
  if (start.getUTCMonth() !== monthIndex || start.getUTCFullYear() !== year) return undefined;
  // A leap second is the 60th.
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return start.getTime() + seconds * 1000 + millisecondsOf(fraction);
}

const millisecondsOf = (fraction = ""): number => Number(fraction.padEnd(3, "0").slice(0, 3));

const OFFSET = /^([+-])(\d\d):?(\d\d)?$/;
/** No clock on earth is farther from UTC. */
const MAX_OFFSET_MINUTES = 14 * 60;

/** `+01:00`, `-0330` or `+03` in ms ahead of UTC; undefined for anything else. */
export function parseOffset(text: string | undefined): number | undefined {
  const [, sign, hours, minutes = "00"] = OFFSET.exec(text ?? "") ?? [];
  const all = Number(hours) * 60 + Number(minutes);
  if (sign === undefined || Number(minutes) > 59 || all > MAX_OFFSET_MINUTES) return undefined;
  return (sign === "-" ? -all : all) * 60_000;
}
