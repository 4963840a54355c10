/** Where on the earth a person reads a clock, and what it says now. */
export interface Clock {
  now: number;
  /** Name of the IANA database, such as Europe/Paris. */
  timeZone: string;
}

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DAY_MS = 86_400_000;
/** Below are seconds until the year 2286; as milliseconds they are in the spring of 1970. */
const SECONDS_UNTIL = 1e10;
const AGO = /^(\d{1,9})([smhd])(?: ago)?$/;
/** A date alone is its first moment. */
const DATED = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?$/;
const OFFSET = /^(.+?) ?(Z|[+-]\d\d:\d\d)$/i;
const HOURS = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/;

export const TIMES =
  'give "now", "10m" (ago), "14:05", "14:05:33", "2026-11-21", "2026-11-21 14:05", RFC 3339 as 2026-11-21T14:05:33Z, or seconds or milliseconds since 1970';

/** The instant a person means, in epoch milliseconds; undefined where nobody could tell. Without a zone it is the clock's. */
export function parseTime(text: string, clock: Clock): number | undefined {
  const ago = agoOf(text);
  if (ago !== undefined) return clock.now - ago;
  if (/^\d{1,15}$/.test(text)) return Number(text) < SECONDS_UNTIL ? Number(text) * 1000 : Number(text);
  const [, local = text, offset] = OFFSET.exec(text) ?? [];
  const wall = offset === undefined ? wallOf(text) : wallOf(local);
  if (wall !== undefined) return offset === undefined ? instantOf(wall, clock.timeZone) : wall - ms(offset);
  return ofToday(text, clock);
}

function agoOf(text: string): number | undefined {
  if (text === "now") return 0;
  const [, count, unit = ""] = AGO.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? 0);
}

/** What a clock shows, as if it were UTC; undefined where no clock ever shows that. */
function wallOf(text: string): number | undefined {
  const match = DATED.exec(text);
  if (!match) return undefined;
  const fields = match.slice(1, 7).map((part) => Number(part || 0));
  const [year = 0, month = 0, day, hour, minute, second] = fields;
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  // A date that there is not would come back as another one.
  const shown = formatTime(at, "UTC").split(/[- :]/).map(Number);
  if (shown.some((field, i) => field !== fields[i])) return undefined;
  return at + Math.floor(Number(`0.${match[7] ?? 0}`) * 1000);
}

/** Its last time round: one that is still to come today was yesterday's. */
function ofToday(text: string, { now, timeZone }: Clock): number | undefined {
  const [, hour = "", minute = "", second = "00"] = HOURS.exec(text) ?? [];
  const time = `${hour.padStart(2, "0")}:${minute}:${second}`;
  const on = (at: number) => wallOf(`${dateOf(at, timeZone)} ${time}`);
  const today = on(now);
  if (hour === "" || today === undefined) return undefined;
  const at = instantOf(today, timeZone);
  return at <= now ? at : instantOf(today - DAY_MS, timeZone);
}

function ms(offset: string): number {
  if (offset.toUpperCase() === "Z") return 0;
  const [hours = 0, minutes = 0] = offset.slice(1).split(":").map(Number);
  return (offset.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** When a clock there shows that. Twice, since the first guess may lie on the other side of a change of the clocks. */
function instantOf(wall: number, timeZone: string): number {
  const first = wall - offsetAt(wall, timeZone);
  return wall - offsetAt(first, timeZone);
}

const offsetAt = (at: number, timeZone: string): number =>
  Date.parse(`${formatTime(at, timeZone).replace(" ", "T")}Z`) - Math.floor(at / 1000) * 1000;

/** `2026-11-21 14:05:33` as the clock there shows it. */
export function formatTime(at: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).formatToParts(at);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")} ${of("hour")}:${of("minute")}:${of("second")}`;
}

const dateOf = (at: number, timeZone: string): string => formatTime(at, timeZone).slice(0, 10);
