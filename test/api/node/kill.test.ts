import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import type { Report } from "../../../api/wire.ts";
import { openLibsql } from "../../../db/libsql.ts";
import { type Checked, problemsIn } from "../../../db/queries/fsck.ts";
import { DAY, SETTLE_MS, SLOT_MS } from "../../../db/tiers.ts";
import { Fleet, type Simulated } from "../../fleet/fleet.ts";
import { seeded } from "../../fleet/random.ts";
import { aFolder, ingestToken } from "../../support/api-process.ts";
import { builtProgram, compiled } from "../../support/program.ts";
import { tick } from "../../support/tick.ts";

/** As many as there is time for beside all other tests; `CONNTRAIL_KILLS=200` says more. */
const KILLS = Number(process.env["CONNTRAIL_KILLS"] ?? 120);
/** Killed side by side, each with a database of its own. */
const LANES = 4;
/** The most reports a process may answer before it is killed; its first tick runs beside them. */
const MOST_ANSWERS = 16;
/** How long after the last of them it is killed, at the most, in ms: its first tick begins some 100 ms after the first answer. */
const LATEST_KILL_MS = 250;
/** Reports under way at a time. */
const POSTERS = 4;
const NODES = 4;
/** Reports that are sent in backward order. */
const LATE = 24;
const ADMIN = "an-admin-token-of-more-than-32-characters";

/** Reports that are to be stored, and which of them were acknowledged. */
class Load {
  readonly acknowledged = new Set<string>();
  /** Those under way when a process was killed, which their agents send again. */
  readonly unanswered: Report[] = [];
  duplicates = 0;
  /** Times the database was busy, after which an agent comes again. */
  putOff = 0;
  private readonly made: Iterator<Simulated>;
  private late: Report[] = [];

  constructor(seed: number) {
    // Some hours ago, so that all tiers but days are folded.
    const from = Math.floor(Date.now() / 3_600_000 - 20) * 3_600_000;
    const fleet = new Fleet({ seed, from, clusters: [{ name: "prod", nodes: NODES, pods: 5 }] });
    this.made = fleet.reports({ from, to: Number.POSITIVE_INFINITY, intervalMs: 30_000 });
  }

  /** Of each few, the last first. */
  next(): Report {
    const again = this.unanswered.shift() ?? this.late.pop();
    if (again) return again;
    for (let i = 0; i < LATE; i += 1) this.late.push(this.made.next().value.report);
    return this.next();
  }

  /** Posts one after another until the process is gone; `answered` hears of each that was stored. */
  async post(url: string, token: string, answered: () => void): Promise<void> {
    for (;;) {
      const report = this.next();
      const answer = await answerTo(url, token, report);
      if (answer === undefined || answer === 503) this.unanswered.push(report);
      if (answer === undefined) return;
      if (answer === 503) {
        this.putOff += 1;
        continue;
      }
      expect([200, 202]).toContain(answer);
      if (answer === 200) this.duplicates += 1;
      this.acknowledged.add(`${report.node.name} ${report.sequence}`);
      answered();
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
async function start(folder: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [builtProgram("api/node.ts")], {
    cwd: folder,
    env: {
      ...process.env,
      CONNTRAIL_PORT: "0",
      CONNTRAIL_ADMIN_TOKEN: ADMIN,
      CONNTRAIL_TICK: "1s",
      ...compiled(),
    },
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

test(`killed ${KILLS} times at random moments, the service keeps what it acknowledged, once and whole`, async ({
  signal,
}) => {
  const seed = Number(process.env["CONNTRAIL_TEST_SEED"]) || Date.now();
  console.log(`CONNTRAIL_TEST_SEED=${seed}`);
  const random = seeded(seed);
  const lane = async () => {
    const folder = await aFolder();
    const load = new Load(seed);
    let token: string | undefined;
    for (let kill = 0; kill < KILLS / LANES && !signal.aborted; kill += 1) {
      const { child, url } = await start(folder);
      const gone = once(child, "close");
      token ??= await ingestToken(url, ADMIN);
      let answers = Math.ceil(random() * MOST_ANSWERS);
      const answered = () => {
        answers -= 1;
        if (answers === 0) setTimeout(() => child.kill("SIGKILL"), random() * LATEST_KILL_MS);
      };
      const posting = Array.from({ length: POSTERS }, () => load.post(url, token ?? "", answered));
      expect(await gone).toEqual([null, "SIGKILL"]);
      await Promise.all(posting);
      if (random() < 0.9) await expireLease(folder);
    }
    return check(folder, load);
  };
  const folded = await Promise.all(Array.from({ length: LANES }, lane));
  // What they had folded by then is no less right than what the last tick has.
  expect(folded.reduce((sum, buckets) => sum + buckets)).toBeGreaterThan(0);
}, 300_000);

const open = (folder: string) => openLibsql({ url: `file:${join(folder, "data/conntrail.db")}` });

/** As if the service had come back later: a killed tick keeps others out for some seconds. */
async function expireLease(folder: string): Promise<void> {
  const database = await open(folder);
  await database.db.run(sql`update upkeep set expires_at = 0`);
  database.close();
}

/** How many buckets the killed had folded. */
async function check(folder: string, load: Load): Promise<number> {
  await expireLease(folder);
  const database = await open(folder);
  onTestFinished(() => database.close());
  const { db } = database;
  const [before] = await db.all<{ folded: number; waiting: number }>(sql`
    select (select count(*) from buckets) as folded, (select count(*) from dirty) as waiting`);
  // When the day of the last report is over.
  await tick(db, Date.now() + SLOT_MS[DAY] + SETTLE_MS);
  console.log(
    `${load.acknowledged.size} acknowledged, ${load.duplicates} of them stored by a process that was killed, ${load.putOff} put off`,
  );
  expect(load.putOff).toBe(0);
  expect(await db.all(sql`select * from dirty`)).toEqual([]);
  const checked: Checked = { segments: 0, buckets: 0, recomputed: 0 };
  for await (const problem of problemsIn((ask) => ask(db), checked)) expect(problem).toBeUndefined();
  console.log(
    `${checked.segments} segments, ${before?.folded} of ${checked.buckets} buckets folded by the killed`,
  );
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
  return before?.folded ?? 0;
}
