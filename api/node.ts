import { once } from "node:events";
import { dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { innermost, whyNotOpened } from "../db/failure.ts";
import { type Database, openLibsql } from "../db/libsql.ts";
import { reportWriter, type StoredReport } from "../db/queries/reports.ts";
import { tokenReader } from "../db/queries/tokens.ts";
import { createApp, type Deps, type LogEvent } from "./app.ts";
import { alertingOn, madeOnce } from "./node/alerting.ts";
import { forAgent } from "./node/agent-environment.ts";
import { firstAdminToken } from "./node/admin-token.ts";
import { type Config, databaseFile, DEFAULT_URL, loadConfig, withoutSecrets } from "./node/config.ts";
import { greeting } from "./node/greeting.ts";
import { HELP } from "./node/help.ts";
import { runLocalAgent } from "./node/local-agent.ts";
import { localAgentToken, localReadToken } from "./node/local-token.ts";
import { listen, type Listening } from "./node/serve.ts";
import { startUpkeep, type Upkeep } from "./node/upkeep.ts";
import type { Messaging } from "./router.ts";
import { urgency } from "./judge/urgent.ts";
import { hashToken } from "./tokens.ts";

const FAILED = 1;
const USAGE_ERROR = 2;
const AGENT = join(import.meta.dirname, "../agent/main.ts");
/** Where `conntrail` looks for a token (api/cli.ts). */
const READ_TOKEN = join(import.meta.dirname, "../data/local-read.token");

const sleep = (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal }).catch(() => {});
const log = (event: LogEvent) => console.log(JSON.stringify({ time: new Date().toISOString(), ...event }));

// The database says who talks to whom: what is made here is for its owner only.
process.umask(0o077);
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) return USAGE_ERROR;
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const loaded = loadConfig(process.env);
  if ("config" in loaded) return serve(loaded.config, options["with-agent"]);
  for (const complaint of loaded.complaints) console.error(complaint);
  return USAGE_ERROR;
}

function readOptions() {
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { "with-agent": flag, help: { ...flag, short: "h" } } }).values;
  } catch (error) {
    console.error(`${(error as Error).message}. See --help.`);
    return undefined;
  }
}

async function serve(config: Config, withAgent: boolean): Promise<number> {
  const stop = stopSignal();
  const database = await open(config);
  if (!database) return FAILED;
  const { db } = database;
  let upkeep: Upkeep | undefined;
  const isUrgent = urgency();
  const deps = {
    ...dependencies(config, database),
    onStored: (report: StoredReport) => {
      if (isUrgent(report)) upkeep?.tell("urgent");
    },
    onNews: () => upkeep?.tell("news"),
  };
  const server = await startListening(createApp(deps), config);
  if (!server) {
    database.close();
    return FAILED;
  }
  upkeep = startUpkeep(config, log, stop);
  const token = config.adminToken === undefined ? await firstAdminToken(db, Date.now()) : undefined;
  const command = withAgent ? await commandHere(deps, config, server.url) : undefined;
  console.log(greeting(server, { token, configured: config.adminToken !== undefined, command }));
  const agent = withAgent ? startAgent(deps, config, server.url, stop) : undefined;
  if (!stop.aborted) await once(stop, "abort");
  // First the agent, which hands over the window it is in.
  await agent;
  await server.close();
  await upkeep.ended;
  database.close();
  return 0;
}

/** The database, up to date; undefined, having said why, when it cannot be had. */
async function open({ databaseUrl, databaseToken }: Config): Promise<Database | undefined> {
  try {
    const database = await openLibsql({ url: databaseUrl, authToken: databaseToken });
    await database.migrate();
    return database;
  } catch (error) {
    console.error(withoutSecrets(`The database ${databaseUrl} cannot be opened: ${whyNotOpened(error)}`));
    return undefined;
  }
}

function dependencies(config: Config, { db }: Database): Deps {
  const { adminToken, retention } = config;
  const writer = reportWriter(db);
  const adminTokenHash = adminToken === undefined ? undefined : hashToken(adminToken);
  return {
    db,
    storeReport: (report) => writer.store(report),
    findToken: tokenReader(db),
    now: Date.now,
    log,
    adminTokenHash,
    retention,
    // Once there is a channel to be made: with it a key is.
    alerting: madeOnce<Messaging>(() => alertingOn(config)),
  };
}

async function startListening(app: ReturnType<typeof createApp>, at: Config): Promise<Listening | undefined> {
  try {
    return await listen(app.fetch, at);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const taken = `something else listens there; stop it or set CONNTRAIL_PORT`;
    console.error(`Cannot listen on ${at.host}:${at.port}: ${code === "EADDRINUSE" ? taken : message}`);
    return undefined;
  }
}

/** A command with which whoever runs this may ask it; undefined where the token for that cannot be kept. */
async function commandHere(deps: Deps, config: Config, url: string): Promise<string | undefined> {
  const path = resolve(dirname(databaseFile(config)), "local-read.token");
  try {
    await localReadToken(deps, path);
  } catch (error) {
    log({ level: "warning", event: "no-local-token", reason: innermost(error).message });
    return undefined;
  }
  const where = url === DEFAULT_URL ? "" : ` --url ${url}`;
  return `npx conntrail top${where}${path === READ_TOKEN ? "" : ` --token-file ${path}`}`;
}

/** The service does without an agent that cannot be started. */
async function startAgent(deps: Deps, config: Config, url: string, stop: AbortSignal): Promise<void> {
  try {
    const env = await agentEnvironment(deps, config, url);
    await runLocalAgent({ command: [process.execPath, AGENT], env, log, now: Date.now, sleep }, stop);
  } catch (error) {
    log({ level: "error", event: "agent-not-running", reason: innermost(error).message });
  }
}

/** What the user set is the user's. */
async function agentEnvironment(deps: Deps, config: Config, url: string): Promise<NodeJS.ProcessEnv> {
  const env = forAgent(process.env);
  const folder = dirname(databaseFile(config));
  env["CONNTRAIL_URL"] ||= url;
  env["CONNTRAIL_TOKEN"] ||= await localAgentToken(deps, join(folder, "local-agent.token"));
  // Node strips types with a module of 20 MB, which stays out of an agent that finds its sources compiled.
  env["NODE_COMPILE_CACHE"] ||= join(folder, "compiled");
  env["CONNTRAIL_SPOOL"] ||= join(folder, "spool");
  // One arena of glibc for each thread of Node takes three megabytes for nothing, and large blocks leave holes there.
  env["MALLOC_ARENA_MAX"] ||= "2";
  env["MALLOC_MMAP_THRESHOLD_"] ||= "65536";
  return env;
}

/** Aborted by the first SIGTERM or SIGINT. A second SIGTERM is that of a whole process group; a second SIGINT means it. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  process.on("SIGTERM", () => stopping.abort());
  process.once("SIGINT", () => stopping.abort());
  return stopping.signal;
}
