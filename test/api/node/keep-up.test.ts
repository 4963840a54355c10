import { createClient } from "@libsql/client";
import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import { keepUp } from "../../../api/node/keep-up.ts";
import type { LogEvent } from "../../../api/router.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { aReport } from "../../support/a-report.ts";
import { aFolder, call, ingestToken, startApi, urlOf } from "../../support/api-process.ts";
import { aCluster, aReportOf } from "../../support/stored-report.ts";

const ADMIN = "an-admin-token-of-more-than-32-characters";

test("ticks come at once and then one after the other, until told to stop", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  const stopping = new AbortController();
  const log: LogEvent[] = [];
  const ticked: (() => void)[] = [];
  const deps = {
    db,
    now: Date.now,
    log: (event: LogEvent) => {
      log.push(event);
      ticked.shift()?.();
    },
    retention: DEFAULT_RETENTION,
  };
  const nextTick = () => new Promise<void>((resolve) => void ticked.push(resolve));
  const to = Math.floor(Date.now() / 30_000) * 30_000;
  const report = (sequence: number) => aReportOf([], { sequence, from: to - 30_000, to });
  await storeReports(db, [report(1)]);
  let first = nextTick();
  const ended = keepUp(deps, 50, stopping.signal);
  await first;
  first = nextTick();
  await storeReports(db, [report(2)]);
  await first;
  stopping.abort();
  await ended;
  expect(log).toMatchObject([
    { event: "tick", reports: 1 },
    { event: "tick", reports: 1 },
  ]);
  expect(await db.all(sql`select holder, seen from upkeep`)).toEqual([{ holder: null, seen: 2 }]);
});

test("a lease that others hold for minutes is logged, once in a while", async ({ expect }) => {
  const db = await freshDb();
  await db.run(sql`update upkeep set holder = 'another', expires_at = 20000`);
  const stopping = new AbortController();
  const log: LogEvent[] = [];
  // Each look at the clock is 100 s later, and the other one prolongs its lease meanwhile.
  let looks = 0;
  const now = () => {
    looks += 1;
    if (looks === 30) stopping.abort();
    return looks * 100_000;
  };
  const busy = Object.assign(Object.create(db) as typeof db, { all: () => Promise.resolve([]) });
  await keepUp(
    { db: busy, now, log: (event) => void log.push(event), retention: DEFAULT_RETENTION },
    1,
    stopping.signal,
  );
  expect(log.length).toBeGreaterThan(1);
  expect(log.length).toBeLessThan(10);
  for (const event of log) expect(event).toMatchObject({ level: "warning", event: "tick-busy" });
});

test("the service folds what it was sent, and gives its lease back when it ends", async ({ expect }) => {
  const folder = await aFolder();
  const api = startApi(folder, { CONNTRAIL_ADMIN_TOKEN: ADMIN, CONNTRAIL_TICK: "1s" });
  const url = await urlOf(api);
  const token = await ingestToken(url, ADMIN);
  const to = Math.floor(Date.now() / 30_000) * 30_000;
  await call(`${url}/v1/reports`, token, "POST", aReport({ window: { from: to - 30_000, to } }));
  await api.said(/"event":"tick".*"reports":1/);
  api.child.kill("SIGTERM");
  expect(await api.ended).toBe(0);
  const client = createClient({ url: `file:${folder}/data/conntrail.db` });
  const { rows } = await client.execute(
    "select holder, (select count(*) from buckets) as folded from upkeep",
  );
  client.close();
  expect(rows).toEqual([{ holder: null, folded: 1 }]);
}, 30_000);

test("reports older than windows are kept are refused", async ({ expect }) => {
  const api = startApi(await aFolder(), { CONNTRAIL_ADMIN_TOKEN: ADMIN, CONNTRAIL_KEEP_WINDOWS: "2h" });
  const url = await urlOf(api);
  const token = await ingestToken(url, ADMIN);
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const ago = (minutes: number) =>
    aReport({
      sequence: minutes,
      window: { from: minute - minutes * 60_000, to: minute - minutes * 60_000 + 30_000 },
    });
  expect((await call(`${url}/v1/reports`, token, "POST", ago(118))).status).toBe(202);
  expect(await call(`${url}/v1/reports`, token, "POST", ago(121))).toMatchObject({
    status: 422,
    body: { errors: [{ message: "over 2 hours ago" }] },
  });
}, 30_000);
