import * as z from "zod";
import { parsed } from "./parameters.ts";
import { Time, toTime } from "./contract.ts";
import { invalid } from "./problem.ts";
import type { ProblemError } from "./problem.ts";

/** What is kept at most: longer ranges cannot hold more. */
export const MAX_RANGE_MS = 400 * 86_400_000;
const DEFAULT_RANGE_MS = 3_600_000;
/** The year 9999, the last RFC 3339 can write. */
const MAX_INSTANT = 253_402_300_799_999;

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^([1-9]\d{0,8})([smhd])$/;

/** A half-open slice [from, to) of time, in epoch milliseconds. */
export interface Slice {
  from: number;
  to: number;
}

/** Told where an answer comes of buckets that reports wait for. */
export const FoldedUntil = Time.optional().meta({
  description:
    "There where reports came that are not in the answer yet: up to this it is whole. Ask again once they are folded, a minute later.",
});

/** What an answer says of the time it is about. */
export const Window = z
  .object({
    from: Time,
    to: Time,
    tier: z.literal("window").meta({ description: "How coarse the time slots are that were read." }),
    windows: z.int().optional().meta({ description: "How many of them were looked at." }),
  })
  .meta({ id: "Window" });

export const toWindow = ({ from, to }: Slice, windows?: number): z.infer<typeof Window> => ({
  from: toTime(from),
  to: toTime(to),
  tier: "window",
  ...(windows !== undefined && { windows }),
});

/** `90s`, `15m`, `1h`, `7d` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? [];
  const scale = unit && UNITS[unit];
  return scale ? Number(count) * scale : undefined;
}

/** An RFC 3339 instant or epoch milliseconds, as the latter; undefined for anything else. */
export function parseInstant(text: string): number | undefined {
  const at = /^\d{1,15}$/.test(text) ? Number(text) : parseRfc3339(text);
  return at !== undefined && at >= 0 && at <= MAX_INSTANT ? at : undefined;
}

function parseRfc3339(text: string): number | undefined {
  return z.iso.datetime({ offset: true }).safeParse(text).success ? Date.parse(text) : undefined;
}

export const Duration = parsed(parseDuration, "not a duration in one unit such as 90s, 15m, 1h or 7d");
export const Instant = parsed(
  parseInstant,
  "neither an RFC 3339 instant such as 2026-11-21T12:00:00Z nor epoch milliseconds",
);

/** An instant as parameters have it, in a body of JSON: also as a number, or so long before now. */
export const BodyInstant = z
  .union([z.string(), z.number()])
  .transform((given, check): { at: number } | { ago: number } => {
    const text = String(given);
    const [at, ago] = [parseInstant(text), parseDuration(text)];
    if (at !== undefined) return { at };
    if (ago !== undefined) return { ago };
    check.addIssue({
      code: "custom",
      message:
        "neither an RFC 3339 instant such as 2026-11-21T12:00:00Z, nor epoch milliseconds, nor how long ago, such as 2d",
    });
    return z.NEVER;
  });

/** Epoch ms. */
export const instantOf = (given: { at: number } | { ago: number }, now: number): number =>
  "at" in given ? given.at : Math.max(0, now - given.ago);

/** The parameters every question about a stretch of time takes. */
export const windowParameters = {
  since: Duration.optional().meta({
    param: { description: "How far to look back from `to`: 90s, 15m, 1h, 7d. Default 1h.", example: "1h" },
  }),
  from: Instant.optional().meta({
    param: { description: "Begin, RFC 3339 or epoch milliseconds.", example: "2026-11-21T12:00:00Z" },
  }),
  to: Instant.optional().meta({
    param: { description: "End (not included), RFC 3339 or epoch milliseconds. Default now." },
  }),
};

interface WindowQuery {
  since?: number | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

/** The window a query asks for. Throws a problem when it is none, or longer than what is kept. */
export function resolveWindow(query: WindowQuery, now: number): Slice {
  if (query.since !== undefined && query.from !== undefined)
    throw wrong("since", "use since or from, not both");
  const to = query.to ?? now;
  const from = query.from ?? Math.max(0, to - (query.since ?? DEFAULT_RANGE_MS));
  if (from >= to) throw wrong("from", "must be before to");
  if (to - from > MAX_RANGE_MS) throw wrong(query.from === undefined ? "since" : "from", tooLong(from));
  return { from, to };
}

/** Below are seconds until the year 2286; as milliseconds they are in the spring of 1970. */
const SECONDS_UNTIL = 1e10;
const tooLong = (from: number) =>
  from > 0 && from < SECONDS_UNTIL
    ? "reaches back over 400 days: it looks like epoch seconds, milliseconds are meant"
    : "reaches back over 400 days";

function wrong(parameter: string, message: string): ProblemError {
  return invalid("The query is invalid.", [{ path: [parameter], message }]);
}
