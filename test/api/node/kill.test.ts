import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import type { Report } from "../../../api/wire.ts";
import { openLibsql } from "../../../db/libsql.ts";
import { seeded } from "../../fleet/random.ts";
import { aReport } from "../../support/a-report.ts";
import { aFolder, ingestToken } from "../../support/api-process.ts";
import { buildApi } from "../../support/built-api.ts";

const KILLS = 200;
/** Killed side by side, each with a database of its own. */
const LANES = 2;
/** Longest life of a process after it listens, in ms: its first tick falls into it. */
const LONGEST_LIFE = 250;
/** Reports under way at a time. */
const POSTERS = 4;
const NODES = 4;
const WINDOW_MS = 30_000;
const ADMIN = "an-admin-token-of-more-than-32-characters";

/** Reports that are to be stored, and which of them were acknowledged. */
class Load {
  readonly acknowledged = new Set<string>();
  /** Those under way when a process was killed, which their agents send again. */
  readonly unanswered: Report[] = [];
  duplicates = 0;
  private made = 0;
  /** Some hours ago, so that all tiers are folded. */
  private readonly from = Math.floor(Date.now() / 3_600_000 - 20) * 3_600_000;

  next(): Report {
    const again = this.unanswered.shift();
    if (again) return again;
    const sequence = Math.floor(this.made / NODES);
    const name = `node-${this.made++ % NODES}`;
    // Each eight of them backwards: most are late.
    const from = this.from + (sequence ^ 7) * WINDOW_MS;
    const { node } = aReport();
    return aReport({ node: { ...node, name }, sequence, window: { from, to: from + WINDOW_MS } });
  }

  /** Posts one after another until the process is gone. */
  async post(url: string, token: string): Promise<void> {
    for (;;) {
      const report = this.next();
      const answer = await answerTo(url, token, report);
      if (!answer) return void this.unanswered.push(report);
      expect([200, 202]).toContain(answer);
      if (answer === 200) this.duplicates += 1;
      this.acknowledged.add(`${report.node.name} ${report.sequence}`);
    }
  }
}

/** The status; undefined where the connection broke before it came. */
async function answerTo(url: string, token: string, report: Report): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/v1/reports`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(report),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}

/** Starts the service in `folder`; resolves once it listens. */
async function start(program: string, folder: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: { ...process.env, CONNTRAIL_PORT: "0", CONNTRAIL_ADMIN_TOKEN: ADMIN, CONNTRAIL_TICK: "1s" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const [, listening] = /listening on (\S+)/.exec(line) ?? [];
      if (listening !== undefined) resolve(listening);
    });
    child.once("close", (code) => reject(new Error(`the service ended with ${code}`)));
  });
  return { child, url };
}

test(`killed ${KILLS} times at random moments, the service keeps what it acknowledged, once and whole`, async () => {
  const seed = Number(process.env["CONNTRAIL_TEST_SEED"]) || Date.now();
  console.log(`CONNTRAIL_TEST_SEED=${seed}`);
  const random = seeded(seed);
  const program = await buildApi(await aFolder());
  const lane = async () => {
    const folder = await aFolder();
    const load = new Load();
    let token: string | undefined;
    for (let kill = 0; kill < KILLS / LANES; kill += 1) {
      const { child, url } = await start(program, folder);
      const gone = once(child, "close");
      token ??= await ingestToken(url, ADMIN);
      const posting = Array.from({ length: POSTERS }, () => load.post(url, token ?? ""));
      setTimeout(() => child.kill("SIGKILL"), random() * LONGEST_LIFE);
      expect(await gone).toEqual([null, "SIGKILL"]);
      await Promise.all(posting);
    }
    await check(folder, load);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}, 180_000);

async function check(folder: string, load: Load): Promise<void> {
  const database = await openLibsql({ url: `file:${join(folder, "data/conntrail.db")}` });
  onTestFinished(() => database.close());
  const { db } = database;
  console.log(
    `${load.acknowledged.size} acknowledged, ${load.duplicates} of them stored by a process that was killed`,
  );
  expect(await db.all(sql`pragma integrity_check`)).toEqual([{ integrity_check: "ok" }]);
  const stored = await db.all<{ name: string; sequence: number; samples: number; segments: number }>(sql`
    select n.name, s.sequence, count(*) as samples, (
      select count(*) from segments g
      where g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot and g.sequence = s.sequence
    ) as segments
    from samples s join nodes n on n.id = s.node_id where s.tier = 0 group by n.name, s.sequence`);
  const torn = stored.filter(({ samples, segments }) => samples !== 1 || segments !== 1);
  expect(torn).toEqual([]);
  expect(await db.all(sql`select count(*) as n from segments`)).toEqual([{ n: stored.length }]);
  const there = new Set(stored.map(({ name, sequence }) => `${name} ${sequence}`));
  expect([...load.acknowledged].filter((report) => !there.has(report))).toEqual([]);
  const answered = there.size - load.acknowledged.size;
  expect(answered).toBeGreaterThanOrEqual(0);
  expect(answered).toBeLessThanOrEqual(load.unanswered.length);
}
