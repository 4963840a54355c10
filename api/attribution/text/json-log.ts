import { MAX_PORT, parseEndpoint, type Endpoint } from "../endpoint.ts";
import { failed, type LineRead, type TextRules } from "./line.ts";
import { answerOf } from "./log.ts";
import { timeIn, type TimeRead } from "./time.ts";

/** Names under which servers log who was there, the likelier first; compared without case and punctuation. */
const ADDRESS = [
  "remoteaddr",
  "remoteaddress",
  "remoteip",
  "clientaddr",
  "clientip",
  "client",
  "srcip",
  "sourceip",
  "remote",
  "address",
];
const PORT = ["remoteport", "clientport", "srcport", "sourceport", "port"];
const TIME = ["time", "timestamp", "ts", "timeiso8601", "timelocal", "msec", "date"];
/** Below, a number is of seconds; as ms it would be in the spring of 1973. */
const SECONDS_UNTIL = 1e11;

/** A line that is a JSON object, as many servers write their logs; "other" where it is none. */
export function readJsonLog(line: string, rules: Pick<TextRules, "zoneMs" | "now">): LineRead | "other" {
  const values = valuesOf(line);
  if (!values) return "other";
  const end = ADDRESS.map((name) => endOf(values.get(name))).find((one) => one !== undefined);
  if (!end) return failed("nothing-found");
  return answerOf(withPort(end, first(values, PORT)), timeOf(first(values, TIME), rules));
}

const endOf = (value: unknown): Endpoint | undefined =>
  typeof value === "string" ? parseEndpoint(value) : undefined;

function withPort(end: Endpoint, value: unknown): Endpoint | "no-port" {
  if (end.port !== undefined) return end;
  const port = /^\d{1,5}$/.test(String(value)) ? Number(value) : Number.NaN;
  return port <= MAX_PORT ? { address: end.address, port } : "no-port";
}

function timeOf(value: unknown, rules: Pick<TextRules, "zoneMs" | "now">): TimeRead {
  const number = typeof value === "string" && /^\d{10}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
  if (typeof number === "number")
    return number >= 0 && number < SECONDS_UNTIL * 1000
      ? Math.floor(number < SECONDS_UNTIL ? number * 1000 : number)
      : "no-such-time";
  return typeof value === "string" ? timeIn(value, rules) : undefined;
}

/** Its values by name, with those of objects within, which come after its own. */
function valuesOf(line: string): Map<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  let object: unknown;
  try {
    object = JSON.parse(line);
  } catch {
    return undefined;
  }
  const values = new Map<string, unknown>();
  const inner = Object.values(object as object).filter(
    (value) => typeof value === "object" && value !== null,
  );
  for (const part of [object, ...inner])
    for (const [name, value] of Object.entries(part as object)) {
      const key = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
      if (!values.has(key)) values.set(key, value);
    }
  return values;
}

const first = (values: Map<string, unknown>, names: readonly string[]): unknown =>
  names.map((name) => values.get(name)).find((value) => value !== undefined && value !== null);
