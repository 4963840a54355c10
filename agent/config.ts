import type { OwnerPreference } from "./owners/index.ts";

/** Shortest and longest interval: dumps cost the node more often than that, and a window is at most five minutes. */
export const MIN_INTERVAL_MS = 5_000;
export const MAX_INTERVAL_MS = 300_000;
const DEFAULT_INTERVAL_MS = 30_000;
/** A node name is one label of the report, and the wire takes 253 characters (RFC 1035). */
const MAX_NODE_NAME = 253;

/** Part of one core that dumps may take: enough for a million entries every two minutes. */
const DEFAULT_CPU_BUDGET = 0.02;
const MIN_CPU_BUDGET = 0.001;

const SOURCES = ["auto", "netlink", "procfs", "conntrack"] as const;
export type SourcePreference = (typeof SOURCES)[number];

const EVENTS = ["on", "updates", "off"] as const;
const LEASES = ["full", "keyframes", "off"] as const;
/** Which changes of NAT mappings a report carries: all, a full list every ten minutes, or none. */
export type LeaseMode = (typeof LEASES)[number];

const OWNERS = ["auto", "kubernetes", "docker", "none"] as const;
const FILE = "file:";

/** How tokens begin that the API takes no reports by (api/tokens.ts). */
const OTHER_SCOPE = /^ctk_(admin|read)_/;

/** Where reports go. */
export interface Target {
  url: string;
  token: string;
}

export interface Config {
  node: string;
  intervalMs: number;
  source: SourcePreference;
  /** Whether the kernel is asked to tell of new and ended flows; with updates also of changed ones. */
  events: (typeof EVENTS)[number];
  /** Part of one core that dumps may take. */
  cpuBudget: number;
  leases: LeaseMode;
  owners: OwnerPreference;
  /** Folder in which reports wait for the server; without one they wait in memory. */
  spool?: string;
  /** Absent for `--once`, which needs no server. */
  target?: Target;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration an environment asks for, or every complaint about it at once. */
export function loadConfig(
  env: Environment,
  { hostname, once }: { hostname: string; once: boolean },
): { config: Config } | { complaints: string[] } {
  const complaints: string[] = [];
  const complain = (text: string) => void complaints.push(text);
  const config: Config = {
    node: nodeName(env["CONNTRAIL_NODE"] || hostname, complain),
    intervalMs: interval(env["CONNTRAIL_INTERVAL"], complain),
    source: choice("CONNTRAIL_SOURCE", SOURCES, env, complain),
    events: choice("CONNTRAIL_EVENTS", EVENTS, env, complain),
    cpuBudget: budget(env["CONNTRAIL_CPU_BUDGET"], complain),
    leases: choice("CONNTRAIL_LEASES", LEASES, env, complain),
    owners: owners(env, complain),
  };
  const spool = env["CONNTRAIL_SPOOL"];
  if (spool) config.spool = spool;
  if (!once) config.target = target(env, complain);
  return complaints.length > 0 ? { complaints } : { config };
}

type Complain = (text: string) => void;

function nodeName(name: string, complain: Complain): string {
  if (name.length > MAX_NODE_NAME)
    complain(`CONNTRAIL_NODE has ${name.length} characters; ${MAX_NODE_NAME} are allowed`);
  if (name.trim() === "" || /\p{Cc}/u.test(name))
    complain("CONNTRAIL_NODE is blank or holds control characters; give a name such as node-1");
  return name;
}

function interval(text: string | undefined, complain: Complain): number {
  if (!text) return DEFAULT_INTERVAL_MS;
  const [, digits, unit] = /^(\d{1,4})(s|m)$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === "m" ? 60_000 : 1_000);
  if (ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS) return ms;
  complain(`CONNTRAIL_INTERVAL is "${text}"; give a time from 5s to 300s, such as 30s or 2m`);
  return DEFAULT_INTERVAL_MS;
}

/** One of the words a variable may hold; the first is the default. */
function choice<const Word extends string>(
  name: string,
  words: readonly [Word, ...Word[]],
  env: Environment,
  complain: Complain,
): Word {
  const known = words.find((word) => word === (env[name] || words[0]));
  if (known === undefined) complain(`${name} is "${env[name]}"; give one of ${words.join(", ")}`);
  return known ?? words[0];
}

function owners(env: Environment, complain: Complain): OwnerPreference {
  const text = env["CONNTRAIL_OWNERS"] ?? "";
  if (text.startsWith(FILE) && text.length > FILE.length) return text as `${typeof FILE}${string}`;
  if (!text || OWNERS.some((word) => word === text)) return choice("CONNTRAIL_OWNERS", OWNERS, env, complain);
  complain(`CONNTRAIL_OWNERS is "${text}"; give one of ${OWNERS.join(", ")}, or ${FILE} and a path`);
  return "auto";
}

function budget(text: string | undefined, complain: Complain): number {
  if (!text) return DEFAULT_CPU_BUDGET;
  const [, digits] = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text) ?? [];
  const share = Number(digits) / 100;
  if (share >= MIN_CPU_BUDGET && share <= 1) return share;
  complain(`CONNTRAIL_CPU_BUDGET is "${text}"; give a part of one core from 0.1% to 100%, such as 2%`);
  return DEFAULT_CPU_BUDGET;
}

function target(env: Environment, complain: Complain): Target {
  const url = env["CONNTRAIL_URL"] ?? "";
  const token = env["CONNTRAIL_TOKEN"] ?? "";
  if (!url)
    complain(
      "CONNTRAIL_URL is not set; give the address of the Conntrail API, such as https://conntrail.example.com",
    );
  else if (!isBase(url))
    complain("CONNTRAIL_URL must be an http or https address without user, password, query or fragment");
  if (!token)
    complain("CONNTRAIL_TOKEN is not set; give a token with scope ingest (POST /v1/tokens makes one)");
  else if (/[^\x21-\x7e]/.test(token))
    complain("CONNTRAIL_TOKEN holds characters no token has, such as a space or a line end");
  const [, scope] = OTHER_SCOPE.exec(token) ?? [];
  if (scope)
    complain(
      `CONNTRAIL_TOKEN has scope ${scope}, which sends no reports; give one of scope ingest (POST /v1/tokens makes one)`,
    );
  return { url: url.replace(/\/+$/, ""), token };
}

/** Whether paths can be added to it. What it holds is not repeated in a complaint: there may be a password in it. */
function isBase(text: string): boolean {
  if (!URL.canParse(text) || /[?#]/.test(text)) return false;
  const { protocol, username, password } = new URL(text);
  return ["http:", "https:"].includes(protocol) && username + password === "";
}
