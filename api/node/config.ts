import type { Retention } from "../../db/tiers.ts";
import { type Alerting, loadAlerting } from "../alerting.ts";
import { loadRetention } from "../retention.ts";
import { isSecret, MIN_SECRET } from "../tokens.ts";
import { parseDuration } from "../window.ts";

export interface Config {
  host: string;
  port: number;
  databaseUrl: string;
  databaseToken?: string;
  adminToken?: string;
  /** How often the upkeep is done, in ms. */
  tickMs: number;
  retention: Retention;
  alerting: Alerting;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Complain = (text: string) => void;

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 8787;
/** Where that is found on this machine, and where `conntrail` asks (api/cli/ask.ts). */
export const DEFAULT_URL = `http://${DEFAULT_HOST}:${DEFAULT_PORT}`;
const DEFAULT_DATABASE = "file:data/conntrail.db";
const DEFAULT_TICK_MS = 10_000;
/** More often there is nothing new; more rarely the last minutes would be missed, and ten minutes folded late. */
const MIN_TICK_MS = 1_000;
const MAX_TICK_MS = 600_000;
const DATABASE_URL = /^(file:[^:]|(libsql|https?|wss?):\/\/)/;

/** The configuration an environment asks for, or every complaint about it at once. */
export function loadConfig(env: Environment): { config: Config } | { complaints: string[] } {
  const complaints: string[] = [];
  const complain = (text: string) => void complaints.push(text);
  const config: Config = {
    host: env["CONNTRAIL_HOST"] || DEFAULT_HOST,
    port: port(env["CONNTRAIL_PORT"], complain),
    databaseUrl: databaseUrl(env["CONNTRAIL_DATABASE_URL"], complain),
    tickMs: tick(env["CONNTRAIL_TICK"], complain),
    retention: loadRetention(env, complain),
    alerting: loadAlerting(env, complain),
  };
  const databaseToken = env["CONNTRAIL_DATABASE_TOKEN"];
  if (databaseToken) config.databaseToken = databaseToken;
  const adminToken = admin(env["CONNTRAIL_ADMIN_TOKEN"], complain);
  if (adminToken) config.adminToken = adminToken;
  return complaints.length > 0 ? { complaints } : { config };
}

/** Port 0 lets the kernel choose. */
function port(text: string | undefined, complain: Complain): number {
  if (!text) return DEFAULT_PORT;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  complain(`CONNTRAIL_PORT is "${text}"; give a port from 0 to 65535`);
  return DEFAULT_PORT;
}

/** As CONNTRAIL_DATABASE_URL says, or its default. */
export function databaseUrl(text: string | undefined, complain: Complain): string {
  if (!text) return DEFAULT_DATABASE;
  if (!DATABASE_URL.test(text))
    complain(
      `CONNTRAIL_DATABASE_URL must begin with file:, libsql://, https:// or http://, such as ${DEFAULT_DATABASE}`,
    );
  return text;
}

function tick(text: string | undefined, complain: Complain): number {
  if (!text) return DEFAULT_TICK_MS;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= MIN_TICK_MS && ms <= MAX_TICK_MS) return ms;
  complain(`CONNTRAIL_TICK is "${text}"; give a duration from 1s to 10m`);
  return DEFAULT_TICK_MS;
}

/** Never shows the token, not even a wrong one. */
function admin(text: string | undefined, complain: Complain): string | undefined {
  if (!text) return undefined;
  if (!isSecret(text))
    complain(
      `CONNTRAIL_ADMIN_TOKEN has ${text.length} characters; it must have ${MIN_SECRET} to 512, of ASCII and no spaces ` +
        `(openssl rand -hex 32 makes one), or be unset to have one made`,
    );
  return text;
}

/** Path of the database's file; for a server, where the file would be. */
export function databaseFile({ databaseUrl }: Pick<Config, "databaseUrl">): string {
  const url = databaseUrl.startsWith("file:") ? databaseUrl : DEFAULT_DATABASE;
  const path = url.slice("file:".length).split("?")[0] ?? "";
  return decodeURIComponent(path.startsWith("///") ? path.slice(2) : path);
}

/** A text in which addresses of databases lack what can be secret: user, password and parameters. */
export function withoutSecrets(text: string): string {
  return text.replace(/\?\S*/g, "").replace(/\/\/[^/\s]*@/g, "//");
}
