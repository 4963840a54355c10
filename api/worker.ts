import { openD1 } from "../db/d1.ts";
import { openLibsqlWeb } from "../db/libsql-web.ts";
import type { Db } from "../db/client.ts";
import { storeReports } from "../db/queries/reports.ts";
import { loadAlerting, type AlertingVariables } from "./alerting.ts";
import { dispatch, type DispatchDeps } from "./alerts/dispatch.ts";
import { sealer } from "./alerts/sealed.ts";
import { sendByFetch } from "./alerts/send.ts";
import { createApp, type LogEvent } from "./app.ts";
import { urgency } from "./judge/urgent.ts";
import { judgeNow, maintain, type Tick, type UpkeepDeps } from "./maintain.ts";
import { loadRetention, type RetentionVariables } from "./retention.ts";
import { ProblemError, problemResponse } from "./problem.ts";
import type { Messaging } from "./router.ts";
import { hashToken, isSecret, MIN_SECRET } from "./tokens.ts";

/** Bindings, variables and secrets of the Worker. */
export interface Env extends RetentionVariables, Omit<AlertingVariables, "CONNTRAIL_SECRET_KEY"> {
  DB?: D1Database;
  LIBSQL_URL?: string;
  LIBSQL_AUTH_TOKEN?: string;
  ADMIN_TOKEN?: string;
  /** Seals where alerts go; without it none are sent. */
  SECRET_KEY?: string;
}

type App = ReturnType<typeof createApp>;
type Alerts = Pick<DispatchDeps, "publicUrl"> & Messaging;
type Service = {
  app: App;
  upkeep: UpkeepDeps;
  /** Made anew each time: no request may wait for what another has begun. */
  alerts: (() => Promise<Alerts>) | undefined;
  /** What is urgent is being judged since then: what comes meanwhile is judged with it, or by the next tick. */
  judgingSince: number;
};

/** Below the 30 s of CPU time that the platform grants, of which waiting for the database takes none. */
const TICK_MS = 20_000;
/** Below the 1,000 calls of D1 that the platform grants an invocation, by what one step of a tick may still take. */
const TICK_CALLS = 700;
/** The same of sending, which comes after it. */
const DISPATCH_CALLS = 900;
/** For so long the platform lets work go on once the answer is sent; and what is begun in that is begun within this. */
const KEPT_ALIVE_MS = 30_000;
const URGENT_MS = 10_000;

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
    await tickAndTell(env, service, (upkeep, signal) => maintain(upkeep, { ms: TICK_MS, signal }));
  },
} satisfies ExportedHandler<Env>;

type Act = (upkeep: UpkeepDeps, signal: AbortSignal) => Promise<Tick>;

/** Sends what is due, does what is to be done, and sends what that found. */
async function tickAndTell(env: Env, service: Service, act: Act): Promise<void> {
  const [tick, telling] = [new AbortController(), new AbortController()];
  let calls = 0;
  const onCall = () => {
    calls += 1;
    if (calls === TICK_CALLS) tick.abort();
    if (calls === DISPATCH_CALLS) telling.abort();
  };
  const upkeep = { ...service.upkeep, db: openDatabase(env, onCall).db ?? service.upkeep.db };
  const tell = async () => {
    if (!service.alerts) return;
    const { db, now } = upkeep;
    await dispatch(
      { ...(await service.alerts()), db, now, log, random: Math.random },
      { ms: URGENT_MS, signal: telling.signal },
    );
  };
  await tell();
  const { events } = await act(upkeep, tick.signal);
  if (events > 0) await tell();
}

async function judgeUrgent(env: Env, service: Service): Promise<void> {
  const startedAt = Date.now();
  if (startedAt - service.judgingSince < KEPT_ALIVE_MS) return;
  service.judgingSince = startedAt;
  try {
    await tickAndTell(env, service, (upkeep, signal) => judgeNow(upkeep, { ms: URGENT_MS, signal }));
  } finally {
    service.judgingSince = 0;
  }
}

function serviceOf(env: Env): Service | undefined {
  const service = services.get(env) ?? openService(env);
  if (service) services.set(env, service);
  return service;
}

/** Undefined, with every complaint logged, when the configuration does not do. */
function openService(env: Env): Service | undefined {
  const { complaints, db } = openDatabase(env);
  const complain = (complaint: string) => void complaints.push(complaint);
  const retention = loadRetention(env, complain);
  const alerts = alertsOf(env, complain);
  const adminToken = env.ADMIN_TOKEN ?? "";
  if (!isSecret(adminToken))
    complaints.push(
      `ADMIN_TOKEN must have ${MIN_SECRET} characters or more: wrangler secret put ADMIN_TOKEN, or .dev.vars locally`,
    );
  if (!db || complaints.length > 0) {
    log({ level: "error", event: "misconfigured", complaints });
    return undefined;
  }
  const isUrgent = urgency();
  const app = createApp({
    db,
    // Requests of a Worker must not wait for each other's input and output, so each commits by itself.
    storeReport: async (report) => (await storeReports(db, [report]))[0] ?? "stored",
    now: Date.now,
    log,
    adminTokenHash: hashToken(adminToken),
    retention,
    alerting: alerts,
    onStored: (report, keepAlive) => {
      if (isUrgent(report)) keepAlive(judgeUrgent(env, service));
    },
  });
  const upkeep = { db, now: Date.now, log, retention };
  const service: Service = { app, upkeep, alerts, judgingSince: 0 };
  return service;
}

/** What alerts are sent with; undefined where there is no key to seal them with. */
function alertsOf({ SECRET_KEY, ...env }: Env, complain: (complaint: string) => void): Service["alerts"] {
  const rename = (complaint: string) => complain(complaint.replace("CONNTRAIL_SECRET_KEY", "SECRET_KEY"));
  const { hosts, secretKey, publicUrl } = loadAlerting({ ...env, CONNTRAIL_SECRET_KEY: SECRET_KEY }, rename);
  if (!secretKey) return undefined;
  const send = sendByFetch((...request) => fetch(...request), hosts);
  return async () => ({ sealer: await sealer(secretKey), send, publicUrl, hosts });
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
