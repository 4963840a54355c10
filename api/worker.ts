import { openD1 } from "../db/d1.ts";
import { openLibsqlWeb } from "../db/libsql-web.ts";
import type { Db } from "../db/client.ts";
import { storeReports } from "../db/queries/reports.ts";
import { createApp, type LogEvent } from "./app.ts";
import { maintain, type UpkeepDeps } from "./maintain.ts";
import { loadRetention, type RetentionVariables } from "./retention.ts";
import { ProblemError, problemResponse } from "./problem.ts";
import { hashToken, isSecret, MIN_SECRET } from "./tokens.ts";

/** Bindings, variables and secrets of the Worker. */
export interface Env extends RetentionVariables {
  DB?: D1Database;
  LIBSQL_URL?: string;
  LIBSQL_AUTH_TOKEN?: string;
  ADMIN_TOKEN?: string;
}

type App = ReturnType<typeof createApp>;
type Service = { app: App; upkeep: UpkeepDeps };

/** Below the 30 s of CPU time that the platform grants, of which waiting for the database takes none. */
const TICK_MS = 20_000;
/** Below the 1,000 calls of D1 that the platform grants an invocation, by what one step of a tick may still take. */
const TICK_CALLS = 700;

const log = (event: LogEvent) => console.log(JSON.stringify(event));
/** One service an environment, which lives as long as its isolate. */
const services = new WeakMap<Env, Service>();

export default {
  async fetch(request, env, context): Promise<Response> {
    const service = serviceOf(env);
    if (service) return service.app.fetch(request, env, context);
    const detail = "The service is not configured; its log says what is missing.";
    return problemResponse(new ProblemError("misconfigured", detail), crypto.randomUUID());
  },
  async scheduled(_event, env): Promise<void> {
    const service = serviceOf(env);
    if (!service) return;
    const stopping = new AbortController();
    let calls = 0;
    const onCall = () => {
      calls += 1;
      if (calls === TICK_CALLS) stopping.abort();
    };
    const { db } = openDatabase(env, onCall);
    const upkeep = { ...service.upkeep, ...(db && { db }) };
    await maintain(upkeep, { ms: TICK_MS, signal: stopping.signal });
  },
} satisfies ExportedHandler<Env>;

function serviceOf(env: Env): Service | undefined {
  const service = services.get(env) ?? openService(env);
  if (service) services.set(env, service);
  return service;
}

/** Undefined, with every complaint logged, when the configuration does not do. */
function openService(env: Env): Service | undefined {
  const { complaints, db } = openDatabase(env);
  const retention = loadRetention(env, (complaint) => void complaints.push(complaint));
  const adminToken = env.ADMIN_TOKEN ?? "";
  if (!isSecret(adminToken))
    complaints.push(
      `ADMIN_TOKEN must have ${MIN_SECRET} characters or more: wrangler secret put ADMIN_TOKEN, or .dev.vars locally`,
    );
  if (!db || complaints.length > 0) {
    log({ level: "error", event: "misconfigured", complaints });
    return undefined;
  }
  const app = createApp({
    db,
    // Requests of a Worker must not wait for each other's input and output, so each commits by itself.
    storeReport: async (report) => (await storeReports(db, [report]))[0] ?? "stored",
    now: Date.now,
    log,
    adminTokenHash: hashToken(adminToken),
    retention,
  });
  return { app, upkeep: { db, now: Date.now, log, retention } };
}

function openDatabase(
  { DB, LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken }: Env,
  onCall?: () => void,
): { complaints: string[]; db?: Db } {
  if (!url)
    return DB
      ? { complaints: [], db: openD1(DB, onCall) }
      : { complaints: ["there is neither a D1 binding DB nor LIBSQL_URL"] };
  try {
    return { complaints: [], db: openLibsqlWeb({ url, authToken }) };
  } catch {
    // The error would show the whole address, and there may be a token in it.
    return { complaints: ["LIBSQL_URL is not the address of a libSQL server"] };
  }
}
