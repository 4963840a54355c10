import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { type HostPolicy, NO_HOSTS } from "../../api/alerts/hosts.ts";
import { KEY_BYTES, sealer } from "../../api/alerts/sealed.ts";
import { type Send, SendError } from "../../api/alerts/send.ts";
import { createApp, type LogEvent } from "../../api/app.ts";
import { hashToken } from "../../api/tokens.ts";
import type { Db } from "../../db/client.ts";
import { reportWriter } from "../../db/queries/reports.ts";
import { type Scope, tokenReader } from "../../db/queries/tokens.ts";
import { NOW } from "./a-report.ts";
import { tick } from "./tick.ts";

export const ADMIN = "canary-admin-token-of-more-than-32-characters";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // Tests say what they expect of it.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

export interface Question {
  token?: string | undefined;
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
}

/** The service on an empty database, with a clock that stands still and a log that is kept. */
export interface Service {
  db: Db;
  log: LogEvent[];
  /** All it has ever answered or logged, to be searched for secrets. */
  said: string[];
  clock: { now: number };
  ask(method: string, path: string, question?: Question): Promise<Answer>;
  /** A token made over HTTP; the cluster is made first where it is not there. */
  token(scope: Scope, cluster?: string, more?: Record<string, unknown>): Promise<string>;
  post(token: string, report: unknown): Promise<Answer>;
  /** What its timer does in the background: folds what was posted. */
  tick(): Promise<void>;
}

const KEY = Uint8Array.from({ length: KEY_BYTES }, (_, at) => at);
const NOWHERE: Send = () => Promise.reject(new SendError("no network in this test", { passing: true }));

/** `send`: what takes its messages; `hosts`: where they may go beside the chat providers. */
export async function openService(
  differing: { db?: Db; bodyDeadlineMs?: number; send?: Send; hosts?: HostPolicy } = {},
): Promise<Service> {
  const db = differing.db ?? (await freshDb());
  const log: LogEvent[] = [];
  const said: string[] = [];
  const clock = { now: NOW };
  const writer = reportWriter(db);
  const app = createApp({
    db,
    storeReport: (report) => writer.store(report),
    findToken: tokenReader(db),
    now: () => clock.now,
    log: (event) => {
      log.push(event);
      said.push(JSON.stringify(event));
    },
    adminTokenHash: hashToken(ADMIN),
    bodyDeadlineMs: differing.bodyDeadlineMs,
    alerting: async () => ({
      sealer: await sealer(KEY),
      send: differing.send ?? NOWHERE,
      hosts: differing.hosts ?? NO_HOSTS,
    }),
  });
  const ask: Service["ask"] = async (method, path, { token, json, body, headers = {} } = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(body !== undefined && { body, ...(body instanceof ReadableStream && { duplex: "half" }) }),
    });
    const text = await response.text();
    said.push(text, JSON.stringify([...response.headers]));
    const isJson = response.headers.get("content-type")?.includes("json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
  };
  return {
    db,
    log,
    said,
    clock,
    ask,
    token: async (scope, cluster, more = {}) => {
      if (cluster) await ask("POST", "/v1/clusters", { token: ADMIN, json: { name: cluster } });
      const made = await ask("POST", "/v1/tokens", { token: ADMIN, json: { scope, cluster, ...more } });
      if (made.status !== 201) throw new Error(`no token: ${made.text}`);
      return made.body.token;
    },
    post: (token, report) => ask("POST", "/v1/reports", { token, json: report }),
    tick: () => tick(db, clock.now),
  };
}

/** How many windows of a cluster are stored. */
export async function storedWindows({ db }: Service, cluster: string): Promise<number> {
  const [row] = await db.all<{ windows: number }>(sql`
    select count(*) as windows from samples
    where tier = 0 and cluster_id = (select id from clusters where name = ${cluster})`);
  return row?.windows ?? 0;
}
