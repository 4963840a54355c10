import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { onTestFinished, test, vi } from "vitest";
import { toStoredReport } from "../../../api/stored.ts";
import type { Db } from "../../../db/client.ts";
import { openLibsql } from "../../../db/libsql.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { DEFAULT_RETENTION, WINDOW } from "../../../db/tiers.ts";
import { aReport } from "../../support/a-report.ts";
import { aFolder, call, ingestToken, startApi, urlOf } from "../../support/api-process.ts";
import { upkeepOf } from "../../support/folded.ts";
import { theFullestReport } from "../../support/fullest-report.ts";
import { ADMIN, openService, storedWindows } from "../../support/service.ts";
import { aCluster, aReportOf, START } from "../../support/stored-report.ts";

const WINDOW_MS = 30_000;
const DAY_MS = 86_400_000;
const PROBLEM = {
  type: "urn:conntrail:problem:insufficient-storage",
  status: 507,
  title: "There is no room to store it",
};

const { flows, dump } = theFullestReport();

/** A report with as many flows as may be, some 300 kB where they are stored, of the window that many before `now`. */
function aLargeReport(sequence: number, now: number) {
  const to = Math.floor(now / WINDOW_MS) * WINDOW_MS - sequence * WINDOW_MS;
  return aReport({
    sequence,
    flows,
    ...(dump && { dump: { ...dump, takenAt: to } }),
    window: { from: to - WINDOW_MS, to },
  });
}

test("a database at its limit takes nothing, answers questions, and takes reports again when it has room", async ({
  expect,
}) => {
  const database = await openLibsql({ url: `file:${join(await aFolder(), "x.db")}` });
  onTestFinished(() => database.close());
  await database.migrate();
  const { db } = database;
  const service = await openService({ db });
  const token = await service.token("ingest", "prod");
  await service.post(token, aReport({ sequence: 1 }));
  // A limit of the connection, which is another one after each failure.
  const limit = () => db.run(sql`pragma max_page_count = 1`);

  for (const sequence of [2, 3]) {
    await limit();
    const full = await service.post(token, aLargeReport(sequence, service.clock.now));
    expect(full).toMatchObject({ status: 507, body: PROBLEM });
    expect(full.headers.get("retry-after")).toBe("60");
    await limit();
    expect(await storedWindows(service, "prod")).toBe(1);
  }
  await limit();
  const large = [2, 3].map((sequence) => aLargeReport(sequence, service.clock.now));
  const together = await Promise.all(large.map((report) => service.post(token, report)));
  expect(together.map(({ status }) => status)).toEqual([507, 507]);

  for (const report of large) expect((await service.post(token, report)).status).toBe(202);
  expect(await storedWindows(service, "prod")).toBe(3);
  expect(await db.all(sql`pragma integrity_check`)).toEqual([{ integrity_check: "ok" }]);
});

test("a tick without room fails, says so, forgets what it may, and goes on once there is room", async ({
  expect,
}) => {
  const database = await openLibsql({ url: `file:${join(await aFolder(), "x.db")}` });
  onTestFinished(() => database.close());
  await database.migrate();
  const { db } = database;
  const { clusterId, start } = await anOldWindow(db);
  const { tick, log } = upkeepOf(db);
  expect(await tick(start + 2 * DAY_MS)).toMatchObject({ end: "done" });
  const now = start + DEFAULT_RETENTION[WINDOW] + DAY_MS;
  const report = toStoredReport(aLargeReport(1, now), clusterId, now);
  await storeReports(db, [report]);
  await db.run(sql`pragma max_page_count = 1`);
  expect(await tick(now)).toMatchObject({
    end: "failed",
    forgotten: expect.toSatisfy((rows: number) => rows > 0),
  });
  expect(log.at(-2)).toMatchObject({
    level: "error",
    event: "tick-failed",
    error: expect.stringContaining("full"),
  });
  expect(await tick(now)).toMatchObject({
    end: "done",
    buckets: expect.toSatisfy((buckets: number) => buckets > 0),
  });
  expect(await db.all(sql`pragma integrity_check`)).toEqual([{ integrity_check: "ok" }]);
});

/** Stored, and folded by the next tick. */
async function anOldWindow(db: Db) {
  const clusterId = await aCluster(db);
  await storeReports(db, [aReportOf([])]);
  return { clusterId, start: START };
}

/** A file system of its own, which only the process sees, half of it taken by a file of no use. */
const ON_A_SMALL_DISK = [
  ..."unshare --user --map-root-user --mount sh -c".split(" "),
  'mount -t tmpfs -o size=16m tmpfs "$0" && cd "$0" && head -c 8388608 /dev/zero > ballast && exec "$@"',
];

test("a full disk is survived without a restart", async (context) => {
  const { expect } = context;
  const folder = await aFolder();
  const probe = spawnSync("unshare", [...ON_A_SMALL_DISK.slice(1), folder, "true"]);
  if (probe.status !== 0) context.skip("needs leave to mount a tmpfs in a namespace of its own");
  const api = startApi(
    folder,
    { CONNTRAIL_ADMIN_TOKEN: ADMIN, CONNTRAIL_TICK: "1s" },
    [],
    [...ON_A_SMALL_DISK, folder],
  );
  const url = await urlOf(api);
  const token = await ingestToken(url, ADMIN);
  const post = (sequence: number) =>
    call(`${url}/v1/reports`, token, "POST", aLargeReport(sequence, Date.now()));
  const windows = async () =>
    (await call(`${url}/v1/talkers?cluster=prod&node=node-1&since=1h`, ADMIN)).body.window.coveredSeconds /
    30;

  let stored = 0;
  let answer = await post(0);
  while (answer.status === 202) answer = await post(++stored);
  expect(answer).toMatchObject({ status: 507, body: PROBLEM });
  expect(stored).toBeGreaterThan(0);
  expect(await windows()).toBe(stored);

  await rm(`/proc/${api.child.pid}/root${folder}/ballast`);
  expect((await post(stored)).status).toBe(202);
  expect(await windows()).toBe(stored + 1);
  // What comes last is folded as well: the thread of the ticks has survived, though a tick that failed may have kept its lease.
  const before = api.stdout().length;
  expect((await post(stored + 1)).status).toBe(202);
  await vi.waitFor(() => expect(api.stdout().slice(before)).toMatch(/"event":"tick".*"end":"done"/), 40_000);
}, 60_000);
