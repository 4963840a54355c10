import { MAX_PORT, parseEndpoint, parseSeenAddress, type Endpoint } from "../endpoint.ts";
import { failed, notUnderstood, type LineRead, type TextRules } from "./line.ts";
import { timeIn, type TimeRead } from "./time.ts";

/** `(39510)`, ` port 39510` or ` port=39510`. */
const PORT_APART = String.raw`\((\d{1,5})\)|,? +port[ =:] ?(\d{1,5})\b`;
/** Not behind `//`, where what follows is the address of a page. */
const IPV4 = String.raw`(?<![\w.-]|//|::)(\d{1,3}(?:\.\d{1,3}){3})`;
const IPV6 = String.raw`(?<![\w.:-])([\da-f]{0,4}(?::[\da-f]{0,4}){2,7})`;
const ENDS = new RegExp(
  [
    String.raw`${IPV4}(?::(\d{1,5})(?![\d.:])|${PORT_APART})`,
    String.raw`\[([\da-f:.]{2,45}(?:%[\w.-]{1,16})?)\]:(\d{1,5})(?!\d)`,
    `${IPV6}(?:${PORT_APART})`,
  ].join("|"),
  "gi",
);
const ADDRESSES = new RegExp(`${IPV4}(?![\\w.])|${IPV6}(?![\\w:.])`, "gi");
/** What sshd writes last: before it stands what anybody may have sent as a name. */
const FROM = /^.* from (\S{2,100}) port (\d{1,5})(?= |$)/;
/** An access log whose line begins with who asked, and with his port where that is logged. */
const ACCESS = /^(\S{2,100}) (\S+) .{0,200}?\[\d{1,2}\/[A-Z][a-z]{2}\/\d{4}:/;
/** What a client may have sent stands in quotes. One that is not closed takes the rest, so that each is looked at once. */
const QUOTED = /"(?:[^"\\]|\\.)*(?:"|\\?$)/g;

/** A line of a log: the address and port of who was there, and the time of the line. */
export function readLog(line: string, rules: Pick<TextRules, "zoneMs" | "now">): LineRead {
  const plain = line.replaceAll(QUOTED, (text) => " ".repeat(text.length));
  const end = leading(plain) ?? firstIn(plain) ?? firstIn(line);
  if (end === undefined) return failed("nothing-found");
  const time = timeIn(plain, rules) ?? timeIn(line, rules);
  return answerOf(end, time);
}

/** The end and the time as what a line asks. */
export function answerOf(end: Endpoint | "no-port", time: TimeRead): LineRead {
  if (end === "no-port") return failed("no-port");
  if (time === "time-zone-unknown") return failed(time);
  if (time === "no-such-time") return notUnderstood("Its time is none that there is.");
  return { found: { ...end, at: time } };
}

/** Who asked, where the line has a place for that. */
function leading(text: string): Endpoint | "no-port" | undefined {
  const [, host, port] = FROM.exec(text) ?? [];
  const address = host === undefined ? undefined : parseSeenAddress(host);
  if (address !== undefined && Number(port) <= MAX_PORT) return { address, port: Number(port) };
  const [, asking = "", next = ""] = ACCESS.exec(text) ?? [];
  const end = parseEndpoint(asking);
  if (!end || end.port !== undefined) return end;
  return /^\d{1,5}$/.test(next) && Number(next) <= MAX_PORT
    ? { address: end.address, port: Number(next) }
    : "no-port";
}

function firstIn(text: string): Endpoint | "no-port" | undefined {
  for (const [, ...groups] of text.matchAll(ENDS)) {
    const [host = "", port] = groups.filter((group) => group !== undefined);
    const address = parseSeenAddress(host);
    if (address !== undefined && Number(port) <= MAX_PORT) return { address, port: Number(port) };
  }
  for (const [found] of text.matchAll(ADDRESSES)) if (parseSeenAddress(found) !== undefined) return "no-port";
  return undefined;
}
