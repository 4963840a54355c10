import { type Given, type Option, UsageError } from "./command.ts";
import { parseTime, TIMES } from "./time.ts";

/** Which part of a fleet. */
export const SCOPE = {
  cluster: { value: "NAME", says: "one cluster; all the token may read otherwise" },
  node: { value: "NAME", says: "one node" },
} satisfies Record<string, Option>;

export const OWNER = {
  namespace: { value: "NAME", says: "namespace of the owner" },
  workload: { value: "NAME", says: "workload of the owner, such as a Deployment" },
  pod: { value: "NAME", says: "name of the owner: a Pod, host or container" },
} satisfies Record<string, Option>;

export const FLOW = {
  source: { value: "ADDRESS", says: "address the flows come from" },
  peer: { value: "ADDRESS", says: "far end" },
  port: { value: "PORT", says: "port of the far end" },
  protocol: { value: "NAME", says: "tcp, udp, icmp, ... or a number" },
  nat: { value: "CLASS", says: "none, snat, dnat or both" },
} satisfies Record<string, Option>;

export const RANGE = {
  since: { value: "DURATION", says: "how far back: 90s, 15m, 1h, 7d (1h)" },
  from: { value: "TIME", says: "begin, as --at of who" },
  to: { value: "TIME", says: "end (now)" },
} satisfies Record<string, Option>;

export const LIMIT = { limit: { value: "N", says: "rows at most" } } satisfies Record<string, Option>;

const INSTANTS = ["at", "from", "to"];
/** Parameters are named as in the API, options as on other command lines. */
const parameterOf = (option: string): string =>
  option.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The options that were given, as parameters of a question; instants are read by the clock of whoever asks. */
export function parameters({ values, clock }: Given, more: Record<string, string> = {}): string {
  const query = new URLSearchParams(more);
  for (const [option, value] of Object.entries(values)) {
    if (value === undefined || option === "file") continue;
    query.set(parameterOf(option), INSTANTS.includes(option) ? instant(option, value, { clock }) : value);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

function instant(option: string, value: string, { clock }: Pick<Given, "clock">): string {
  const at = parseTime(value, clock);
  if (at === undefined) throw new UsageError(`--${option} is "${value}"; ${TIMES}`);
  return String(at);
}

/** The words of a command that takes so many. */
export function words({ words }: Given, names: readonly string[]): readonly string[] {
  if (words.length === names.length) return words;
  const extra = words[names.length];
  throw new UsageError(
    extra === undefined
      ? `${names.slice(words.length).join(" ")} is missing`
      : `"${extra}" is one word too many`,
  );
}
