import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@libsql/client";
import { test } from "vitest";
import { aReport } from "../../support/a-report.ts";
import { aFolder, call, ingestToken, startApi, urlOf } from "../../support/api-process.ts";
import { builtProgram, compiled } from "../../support/program.ts";

const ADMIN = "an-admin-token-of-more-than-32-characters";
const env = { CONNTRAIL_ADMIN_TOKEN: ADMIN };
const BACKUP = builtProgram("api/node/backup.ts");
const run = promisify(execFile);

/** Runs the command in `folder`; what it said, and its exit code. */
async function backUp(folder: string, args: string[] = [], more: NodeJS.ProcessEnv = {}) {
  const { CONNTRAIL_DATABASE_URL: _, ...inherited } = process.env;
  const options = { cwd: folder, env: { ...inherited, ...compiled(), ...more } };
  try {
    return { code: 0, ...(await run(process.execPath, [BACKUP, ...args], options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** A report of the window that many before the one that has just ended: this clock is the real one. */
function aPastReport(sequence: number) {
  const to = Math.floor(Date.now() / 30_000) * 30_000 - sequence * 30_000;
  return aReport({ sequence, window: { from: to - 30_000, to } });
}

/** Numbers of the reports that a database has, whole or not at all. */
async function sequencesIn(file: string): Promise<number[]> {
  const client = createClient({ url: `file:${file}` });
  const { rows } = await client.execute(`
    select s.sequence from samples s join segments g using (cluster_id, node_id, boot, sequence) order by 1`);
  const [samples] = (await client.execute("select count(*) as n from samples where tier = 0")).rows;
  const [segments] = (await client.execute("select count(*) as n from segments")).rows;
  const [check] = (await client.execute("pragma integrity_check")).rows;
  client.close();
  if (
    check?.["integrity_check"] !== "ok" ||
    samples?.["n"] !== rows.length ||
    segments?.["n"] !== rows.length
  )
    throw new Error("the copy is torn");
  return rows.map(({ sequence }) => Number(sequence));
}

test("a backup made while reports come in has all that was acknowledged before it, and can be restored", async ({
  expect,
}) => {
  const folder = await aFolder();
  const first = startApi(folder, env);
  const url = await urlOf(first);
  const token = await ingestToken(url, ADMIN);
  const post = async (sequence: number) =>
    (await call(`${url}/v1/reports`, token, "POST", aPastReport(sequence))).status;
  let last = 0;
  while (last < 20) expect(await post(++last)).toBe(202);

  const copied = new AbortController();
  const before = last;
  const posting = (async () => {
    while (!copied.signal.aborted) expect(await post(++last)).toBe(202);
  })();
  await mkdir(join(folder, "kept"));
  const copy = join(folder, "kept/copy.db");
  const made = await backUp(folder, [copy]);
  copied.abort();
  await posting;
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect(made.stdout).toMatch(/^\S+copy\.db: \d+ bytes in \d+ ms\./);
  expect(made.stdout).toMatch(/To restore it: stop the service/);
  expect((await stat(copy)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, "kept"))).toEqual(["copy.db"]);
  const kept = await sequencesIn(copy);
  expect(kept).toEqual(kept.map((_, i) => i + 1));
  expect(kept.length).toBeGreaterThanOrEqual(before);
  expect(last).toBeGreaterThan(before);

  first.child.kill("SIGKILL");
  await once(first.child, "close");
  const elsewhere = await aFolder();
  await mkdir(join(elsewhere, "data"));
  await copyFile(copy, join(elsewhere, "data/conntrail.db"));
  const again = await urlOf(startApi(elsewhere, env));
  const { body } = await call(`${again}/v1/talkers?cluster=prod&node=node-1&since=12h`, ADMIN);
  expect(body.window.coveredSeconds).toBe(30 * kept.length);
  expect((await call(`${again}/v1/reports`, token, "POST", aPastReport(0))).status).toBe(202);
}, 60_000);

test("without a name it lies beside the database, in a folder it is named after the time", async ({
  expect,
}) => {
  const folder = await aFolder();
  await urlOf(startApi(folder, env));
  expect((await backUp(folder)).code).toBe(0);
  expect(await readdir(join(folder, "data"))).toContainEqual(expect.stringMatching(/^conntrail-20.*Z\.db$/));
  await mkdir(join(folder, "kept"));
  expect((await backUp(folder, ["kept"])).code).toBe(0);
  expect(await readdir(join(folder, "kept"))).toEqual([expect.stringMatching(/^conntrail-20.*Z\.db$/)]);
}, 30_000);

test("what cannot be done is said with what to do instead, and nothing is left behind", async ({
  expect,
}) => {
  const folder = await aFolder();
  expect(await backUp(folder)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no database data\/conn.*start this where/),
  });
  await urlOf(startApi(folder, env));
  await writeFile(join(folder, "mine"), "precious");
  expect(await backUp(folder, ["mine"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/mine is there already/),
  });
  expect(await backUp(folder, ["mine/copy.db"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/No backup was made/),
  });
  expect(await backUp(folder, ["a", "b"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^"b" is not understood/),
  });
  expect(await backUp(folder, ["--all"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^"--all" is not understood/),
  });
  expect(await backUp(folder, ["not-there/copy.db"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no folder .*not-there: make it first/),
  });
  const server = { CONNTRAIL_DATABASE_URL: "libsql://fleet.example?authToken=canary" };
  const remote = await backUp(folder, [], server);
  expect(remote).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/fleet\.example is no file.*turso/),
  });
  expect(remote.stderr).not.toContain("canary");
  expect(await backUp(folder, [], { CONNTRAIL_DATABASE_URL: "x.db" })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^CONNTRAIL_DATABASE_URL must begin/),
  });
  expect((await readdir(folder)).toSorted()).toEqual(["data", "mine"]);
  expect((await readdir(join(folder, "data"))).filter((name) => name.includes("partial"))).toEqual([]);
}, 30_000);
