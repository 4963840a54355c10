import { openD1 } from "../db/d1.ts";
import { openLibsqlWeb } from "../db/libsql-web.ts";
import type { Db } from "../db/client.ts";
import { HoursCache } from "../db/queries/look.ts";
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
/** Of them judging windows takes no more: what it cannot keep up with must not hold up what else there is to do. */
const JUDGING_CALLS = 350;
/** Sending what waited since the last one, which comes first, takes no more of them. */
const TELL_FIRST_CALLS = 200;
/** The same of sending, which comes after it. */
const DISPATCH_CALLS = 900;
/** Nodes of which hours are kept: some 15 of the 128 MB that an isolate has. */
const CACHED_NODES = 1000;
/** Sending begins nothing new after it. */
const TELLING_MS = 10_000;
/** For so long the platform lets work go on once the answer is sent. */
const KEPT_ALIVE_MS = 30_000;
/** In that, nothing is begun after this: a message may take 10 s, and what became of it is to be noted. Judging takes no more than its part. */
const URGENT_MS = 18_000;
const JUDGE_URGENT_MS = 10_000;
/** What is urgent is being judged while the cron comes: it waits, which takes no CPU time, and so often. */
const BUSY_WAIT_MS = 2_000;
const BUSY_TRIES = 12;

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
    const { tick, tell } = counted(env, service);
    await tell(TELLING_MS, TELL_FIRST_CALLS);
    const { events } = await tick(whenFree);
    if (events > 0) await tell(TELLING_MS);
  },
} satisfies ExportedHandler<Env>;

type Act = (upkeep: UpkeepDeps, signals: { signal: AbortSignal; judging: AbortSignal }) => Promise<Tick>;

/** The tick of the cron, once no other is at it. */
const whenFree: Act = async (upkeep, signals) => {
  for (let tries = 1; ; tries += 1) {
    const tick = await maintain(upkeep, { ms: TICK_MS, ...signals });
    if (tick.end !== "busy" || tries === BUSY_TRIES) return tick;
    await new Promise((resolve) => void setTimeout(resolve, BUSY_WAIT_MS));
  }
};

/** A tick and sending, which together stay below the calls that an invocation is granted. */
function counted(env: Env, service: Service) {
  const limits: { at: number; limit: AbortController }[] = [];
  let calls = 0;
  const onCall = () => {
    calls += 1;
    for (const { at, limit } of limits) if (calls >= at) limit.abort();
  };
  /** Aborted at that call. */
  const until = (at: number): AbortSignal => {
    const limit = new AbortController();
    if (calls >= at) limit.abort();
    limits.push({ at, limit });
    return limit.signal;
  };
  const upkeep = { ...service.upkeep, db: openDatabase(env, onCall).db ?? service.upkeep.db };
  return {
    tick: (act: Act) => act(upkeep, { signal: until(TICK_CALLS), judging: until(calls + JUDGING_CALLS) }),
    tell: async (ms: number, maxCalls = DISPATCH_CALLS): Promise<void> => {
      if (!service.alerts || ms <= 0) return;
      const { db, now } = upkeep;
      await dispatch(
        { ...(await service.alerts()), db, now, log, random: Math.random },
        { ms, signal: until(maxCalls) },
      );
    },
  };
}

async function judgeUrgent(env: Env, service: Service): Promise<void> {
  const startedAt = Date.now();
  if (startedAt - service.judgingSince < KEPT_ALIVE_MS) return;
  service.judgingSince = startedAt;
  try {
    const { tick, tell } = counted(env, service);
    await tick((upkeep, { signal }) => judgeNow(upkeep, { ms: JUDGE_URGENT_MS, signal }));
    await tell(startedAt + URGENT_MS - Date.now());
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
  const alerts = alertsOf(env);
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
  const upkeep = { db, now: Date.now, log, retention, hours: new HoursCache(CACHED_NODES) };
  const service: Service = { app, upkeep, alerts, judgingSince: 0 };
  return service;
}

/** What alerts are sent with; undefined where there is no key to seal them with. Where a setting of them is wrong, the rest is done all the same. */
function alertsOf({ SECRET_KEY, ...env }: Env): Service["alerts"] {
  const complaints: string[] = [];
  const complain = (complaint: string) =>
    void complaints.push(complaint.replace("CONNTRAIL_SECRET_KEY", "SECRET_KEY"));
  const { hosts, secretKey, publicUrl } = loadAlerting(
    { ...env, CONNTRAIL_SECRET_KEY: SECRET_KEY },
    complain,
  );
  if (complaints.length > 0) {
    log({ level: "error", event: "alerts-misconfigured", complaints });
    return undefined;
  }
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
