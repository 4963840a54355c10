import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import worker, { type Env } from "../../api/worker.ts";
import { freshDb } from "#fresh-db";
import { storeReports } from "../../db/queries/reports.ts";
import { aReport } from "../support/a-report.ts";
import { ADMIN } from "../support/service.ts";
import { aCluster, aReportOf } from "../support/stored-report.ts";

const bindings = (differing: Partial<Env> = {}): Env => ({
  DB: (env as unknown as Required<Env>).DB,
  ADMIN_TOKEN: ADMIN,
  ...differing,
});

/** A request through the entry itself, as Workers hand it over. */
async function ask(env: Env, path: string, init: RequestInit = {}) {
  const context = createExecutionContext();
  const request = new Request(`https://conntrail.example${path}`, init) as Parameters<typeof worker.fetch>[0];
  const response = await worker.fetch(request, env, context);
  await waitOnExecutionContext(context);
  // oxlint-disable-next-line typescript/no-explicit-any -- tests say what they expect of it
  const body: any = await response.json();
  return { status: response.status, type: response.headers.get("content-type"), body };
}

const post = (token: string, json: unknown) => ({
  method: "POST",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  body: JSON.stringify(json),
});

test("the worker takes a report and names its talkers", async ({ expect }) => {
  await freshDb();
  const env = bindings();
  await ask(env, "/v1/clusters", post(ADMIN, { name: "prod" }));
  const { body } = await ask(env, "/v1/tokens", post(ADMIN, { scope: "ingest", cluster: "prod" }));
  const to = Math.floor(Date.now() / 30_000) * 30_000;
  const report = aReport({ window: { from: to - 30_000, to } });
  expect(await ask(env, "/v1/reports", post(body.token, report))).toMatchObject({
    status: 202,
    body: { stored: true },
  });
  expect(await ask(env, "/v1/reports", post(body.token, report))).toMatchObject({
    body: { duplicate: true },
  });
  const talkers = await ask(env, "/v1/talkers?node=node-1", {
    headers: { authorization: `Bearer ${ADMIN}` },
  });
  expect(talkers.body.talkers).toMatchObject([
    { address: "10.244.0.11", entries: 7 },
    { address: "10.244.0.12" },
  ]);
});

test(
  "its cron stops below the calls that it is granted, and the next goes on",
  { timeout: 60_000 },
  async ({ expect }) => {
    const db = await freshDb();
    const clusterId = await aCluster(db);
    const last = Math.floor(Date.now() / 60_000) * 60_000;
    const reports = Array.from({ length: 500 }, (_, sequence) =>
      aReportOf([], {
        clusterId,
        sequence,
        from: last - sequence * 60_000,
        to: last - sequence * 60_000 + 30_000,
      }),
    );
    for (let at = 0; at < reports.length; at += 100) await storeReports(db, reports.slice(at, at + 100));
    const waiting = async () => {
      await worker.scheduled(createScheduledController(), bindings());
      return db.all(sql`select 1 from dirty where tier = 1`).then(({ length }) => length);
    };
    const left = await waiting();
    expect(left).toBeGreaterThan(100);
    expect(left).toBeLessThan(400);
    expect(await waiting()).toBeLessThan(left);
  },
);

test("a wrong setting of alerts stops nothing else", async ({ expect }) => {
  await freshDb();
  const env = bindings({ SECRET_KEY: "no key" });
  expect(await ask(env, "/healthz")).toMatchObject({ status: 200 });
});

test("its cron waits for what is urgent to be judged", async ({ expect }) => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const to = Math.floor(Date.now() / 30_000) * 30_000;
  await storeReports(db, [aReportOf([], { clusterId, from: to - 30_000, to })]);
  await db.run(sql`update upkeep set holder = 'another', expires_at = ${Date.now() + 500}`);
  await worker.scheduled(createScheduledController(), bindings());
  expect(await db.all(sql`select holder, seen from upkeep`)).toEqual([{ holder: null, seen: 1 }]);
});

test("its cron folds what came", async ({ expect }) => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const to = Math.floor(Date.now() / 30_000) * 30_000;
  await storeReports(db, [
    aReportOf([{ source: "10.0.0.1", entries: 1 }], { clusterId, from: to - 30_000, to }),
  ]);
  const controller = createScheduledController();
  await worker.scheduled(controller, bindings());
  expect(await db.all(sql`select tier, node_id from buckets`)).toEqual([{ tier: 1, node_id: 0 }]);
  expect(await db.all(sql`select holder, seen from upkeep`)).toEqual([{ holder: null, seen: 1 }]);
});

test.for([
  { what: "a retention that is none", env: { CONNTRAIL_KEEP_WINDOWS: "3 days" } },
  { what: "no admin token", env: { ADMIN_TOKEN: "" } },
  { what: "an admin token that is too short", env: { ADMIN_TOKEN: "a".repeat(31) } },
  { what: "neither D1 nor libSQL", env: { DB: undefined } },
  { what: "an address of libSQL that is none", env: { LIBSQL_URL: "nowhere" } },
])("with $what every request is a problem that tells nothing", async ({ env }, { expect }) => {
  const answer = await ask(bindings(env as Partial<Env>), "/healthz");
  expect(answer).toMatchObject({
    status: 500,
    type: "application/problem+json",
    body: {
      type: "urn:conntrail:problem:misconfigured",
      detail: expect.not.stringMatching(/TOKEN|LIBSQL|D1/),
    },
  });
});
