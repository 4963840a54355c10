import { execFile } from "node:child_process";
import { copyFile, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { toStoredReport } from "../../../api/stored.ts";
import { decodeBucket, encodeBucket } from "../../../db/bucket.ts";
import type { Db } from "../../../db/client.ts";
import { openLibsql } from "../../../db/libsql.ts";
import { openToRead } from "../../../db/libsql-read.ts";
import { copyInto } from "../../../db/queries/care.ts";
import { type Checked, type Problem, type ProblemKind, problemsIn } from "../../../db/queries/fsck.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { HOUR, TEN_MINUTES } from "../../../db/tiers.ts";
import { Fleet } from "../../fleet/fleet.ts";
import { aFolder } from "../../support/api-process.ts";
import { builtProgram, compiled } from "../../support/program.ts";
import { aCluster } from "../../support/stored-report.ts";
import { tick } from "../../support/tick.ts";

// A machine may have other tests to run.
vi.setConfig({ testTimeout: 120_000 });
const FSCK = builtProgram("api/node/fsck.ts");
/** Some minutes before and after a full hour. */
const FROM = Date.UTC(2026, 10, 18, 12, 49);
const MINUTE_MS = 60_000;
const MINUTES = 14;
const run = promisify(execFile);

/** Two clusters of two nodes, folded. */
async function fill(file: string): Promise<void> {
  const database = await openLibsql({ url: `file:${file}.filled` });
  await database.migrate();
  const { db } = database;
  const clusters = [
    { name: "shop", nodes: 2, pods: 6 },
    { name: "mail", nodes: 2, pods: 6 },
  ];
  const ids = new Map<string, number>();
  for (const { name } of clusters) ids.set(name, await aCluster(db, name));
  const fleet = new Fleet({ seed: 7, from: FROM, clusters });
  const all = [...fleet.reports({ from: FROM, to: FROM + MINUTES * MINUTE_MS, intervalMs: 30_000 })];
  const reports = all.map(({ cluster, report }) =>
    toStoredReport(report, ids.get(cluster) ?? 0, report.window.to),
  );
  for (let at = 0; at < reports.length; at += 48) await storeReports(db, reports.slice(at, at + 48));
  await tick(db, FROM + 15 * 60 * MINUTE_MS);
  await copyInto(db, file);
  database.close();
}

let store = "";
beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), "conntrail-fsck-"));
  await fill(join(store, "whole.db"));
}, 120_000);
afterAll(() => rm(store, { recursive: true }));

/** A copy of it, in a folder of the test. */
async function aCopy(): Promise<string> {
  const file = join(await aFolder(), "x.db");
  await copyFile(join(store, "whole.db"), file);
  return file;
}

async function change(file: string, ...statements: SQL[]): Promise<void> {
  const database = await openLibsql({ url: `file:${file}` });
  for (const statement of statements)
    expect((await database.db.all(sql`${statement} returning 1`)).length).toBeGreaterThan(0);
  database.close();
}

async function problemsOf(file: string): Promise<{ problems: Problem[]; checked: Checked }> {
  const reading = openToRead(`file:${file}`);
  const checked: Checked = { segments: 0, buckets: 0, recomputed: 0 };
  try {
    const problems: Problem[] = [];
    for await (const problem of problemsIn(reading.look, checked)) problems.push(problem);
    return { problems, checked };
  } finally {
    reading.close();
  }
}

/** Runs the command; its output and exit code. */
async function fsck(file: string, ...args: string[]) {
  const env = { ...process.env, ...compiled(), CONNTRAIL_DATABASE_URL: `file:${file}` };
  try {
    return { code: 0, ...(await run(process.execPath, [FSCK, ...args], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

test("a store that is as it should be is clean, and each bucket of it was looked at", async () => {
  const { problems, checked } = await problemsOf(await aCopy());
  expect(problems).toEqual([]);
  // 14 minutes of each cluster, 3 times ten of them, two hours and a day; all but the minutes of each node as well.
  expect(checked).toEqual({ segments: 112, buckets: 2 * (14 + 3 * 6), recomputed: 2 * (14 + 3 * 6) });
});

/** Turns a byte in the middle of a blob around. */
const flipped = (column: string) =>
  sql.raw(
    `cast(substr(${column}, 1, length(${column}) / 2) || x'5a' || substr(${column}, length(${column}) / 2 + 2) as blob)`,
  );
const SEGMENT = sql`id = (select id from segments where details is not null and length(data) > 0 order by id limit 1 offset 20)`;
const BUCKET = sql`rowid = (select rowid from buckets where tier = ${TEN_MINUTES} and node_id = 0 order by start limit 1)`;
const GAUGES = sql`tier = 0 and start = ${FROM + 11 * MINUTE_MS} and node_id = 2`;

const DAMAGES: readonly { damage: string; by: SQL; found: ProblemKind[]; message?: RegExp }[] = [
  {
    damage: "a byte of flows turned",
    by: sql`update segments set data = ${flipped("data")} where ${SEGMENT}`,
    found: ["flows-differ", "undecodable-flows"],
  },
  {
    damage: "a byte of details turned",
    by: sql`update segments set details = ${flipped("details")} where ${SEGMENT}`,
    found: ["undecodable-details"],
  },
  {
    damage: "a byte of a bucket turned",
    by: sql`update buckets set data = ${flipped("data")} where ${BUCKET}`,
    found: ["flows-differ", "undecodable-bucket"],
  },
  {
    damage: "a segment gone",
    by: sql`delete from segments where ${SEGMENT}`,
    found: ["flows-differ", "unpaired"],
  },
  {
    damage: "the gauges of a window gone",
    by: sql`delete from samples where ${GAUGES}`,
    found: ["flows-differ", "gauges-differ", "unpaired"],
  },
  {
    damage: "a count of a window changed",
    by: sql`update samples set opened = opened + 1 where ${GAUGES}`,
    found: ["gauges-differ"],
  },
  {
    damage: "a count of an hour changed",
    by: sql`update samples set opened = opened + 1 where tier = ${HOUR} and node_id = 0 and opened > 0`,
    found: ["gauges-differ"],
  },
  { damage: "a bucket gone", by: sql`delete from buckets where ${BUCKET}`, found: ["flows-differ"] },
  {
    damage: "an hour gone",
    by: sql`delete from buckets where tier = ${HOUR}`,
    found: ["flows-differ"],
    message: /is not there/,
  },
  {
    damage: "gauges of an hour gone",
    by: sql`delete from samples where tier = ${HOUR} and node_id = 1`,
    found: ["gauges-differ"],
  },
  {
    damage: "a bucket of nothing",
    by: sql`insert into buckets select cluster_id, tier, node_id, start + 36000000, data from buckets where tier = ${HOUR}`,
    found: ["flows-differ"],
    message: /nothing that it could be/,
  },
  {
    damage: "a bucket at no slot",
    by: sql`update buckets set start = start + 1 where ${BUCKET}`,
    found: ["flows-differ", "misplaced"],
  },
  {
    damage: "a node gone",
    by: sql`delete from nodes where id = 1`,
    found: ["flows-differ", "gauges-differ", "orphan"],
  },
  { damage: "a cluster gone", by: sql`delete from clusters where id = 1`, found: ["orphan"] },
  {
    damage: "settings of nobody's",
    by: sql`update settings set cluster_id = 9 where id = 1`,
    found: ["orphan"],
  },
];

test.for(DAMAGES)("$damage is found", async ({ by, found, message }) => {
  const file = await aCopy();
  await change(file, by);
  const { problems } = await problemsOf(file);
  expect([...new Set(problems.map(({ kind }) => kind))].toSorted()).toEqual(found);
  if (message) expect(problems[0]?.message).toMatch(message);
});

test("a number in a bucket changed is found, also where what it was folded from is forgotten", async () => {
  const file = await aCopy();
  const database = await openLibsql({ url: `file:${file}` });
  await falsify(database.db);
  expect((await problemsOf(file)).problems.map(({ kind }) => kind)).toEqual([
    "sums",
    // The hour and its day.
    "flows-differ",
    "flows-differ",
  ]);
  const forgotten = FROM + 36_000_000;
  await database.db.run(sql`update upkeep set ten_minutes_from = ${forgotten}, hours_from = ${forgotten}`);
  database.close();
  expect(await problemsOf(file)).toMatchObject({
    problems: [{ kind: "sums", where: "bucket: cluster 1, node 0, hour 2026-11-18T12:00:00.000Z" }],
  });
});

async function falsify(db: Db): Promise<void> {
  const [row] = await db.all<{ rowid: number; data: ArrayBuffer }>(sql`
    select rowid, data from buckets where tier = ${HOUR} and node_id = 0 and cluster_id = 1 order by start limit 1`);
  const bucket = decodeBucket(new Uint8Array(row?.data ?? new ArrayBuffer()));
  const { owner } = bucket;
  if (!row || !owner?.columns.opened) throw new Error("there is no such hour");
  const opened = owner.columns.opened.with(0, (owner.columns.opened[0] ?? 0) + 1);
  const data = encodeBucket({ ...bucket, owner: { ...owner, columns: { ...owner.columns, opened } } });
  await db.run(sql`update buckets set data = ${data} where rowid = ${row.rowid}`);
}

test("what waits to be folded is nobody's fault", async () => {
  const file = await aCopy();
  const late = sql`id = (select max(id) from segments)`;
  await change(
    file,
    sql`update samples set opened = opened + 1 where ${GAUGES}`,
    sql`insert into dirty (cluster_id, tier, node_id, start) values (1, 1, 0, ${FROM + 11 * MINUTE_MS}), (1, 2, 2, ${FROM + 11 * MINUTE_MS})`,
    sql`update segments set data = (select data from segments where id = 1) where ${late}`,
    sql`update upkeep set seen = seen - 1`,
  );
  expect((await problemsOf(file)).problems).toEqual([]);
});

test("the command names what it finds, on each line one problem, and as JSON", async () => {
  const file = await aCopy();
  expect(await fsck(file)).toMatchObject({
    code: 0,
    stdout: "",
    stderr: expect.stringMatching(/Clean: 112 segments/),
  });
  await change(file, sql`delete from buckets where ${BUCKET}`);
  const [problem] = (await problemsOf(file)).problems;
  const plain = await fsck(file);
  expect(plain).toMatchObject({ code: 1, stderr: expect.stringMatching(/1 problems|2 problems/) });
  expect(plain.stdout).toContain(`${problem?.kind}: ${problem?.where}: ${problem?.message}\n`);
  const json = await fsck(file, "--json");
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ problems: [problem, {}], checked: { segments: 112 } });
});

test("a page of the file overwritten is found, and what can be is looked at all the same", async () => {
  const file = await aCopy();
  const handle = await open(file, "r+");
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(4096 * 3, 0xa5), 0, 4096 * 3, Math.floor(size / 8192) * 4096);
  await handle.close();
  const { problems } = await problemsOf(file);
  expect(problems.map(({ kind }) => kind)).toContain("file");
});

test("what it cannot look at it says, and what to do", async () => {
  const folder = await aFolder();
  expect(await fsck(join(folder, "none.db"))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no database.*start this where/),
  });
  expect(await fsck(join(folder, "none.db"), "--all")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is not understood; CONNTRAIL_DATABASE_URL/),
  });
});
