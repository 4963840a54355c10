import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, type Parcel } from "../../agent/push.ts";
import type { Db } from "../../db/client.ts";
import { openLibsql } from "../../db/libsql.ts";
import { type Figure, quantile } from "./figure.ts";
import { postAll } from "./ingest.ts";
import { ask, ingestToken, startServer, stopServer } from "./server.ts";
import { CLUSTER, fill, fillBack, type Filled, INTERVAL_MS } from "./store/fill.ts";
import { bytesOf, tickFigures } from "./store/measures.ts";

const NODES = 1_000;
const WEEK = 7;
const MANY_DAYS = 70;
const QUESTIONS = 100;
/** Of the longer history, of which medians are compared. */
const FEW_QUESTIONS = 40;
const WARM_UP = 10;
/** What all nodes report while somebody asks. */
const WINDOWS = 8;

/** What a store with a history answers how fast, and takes in beside it: a fleet of a thousand nodes of 40 Pods. */
export async function benchStore(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-bench-"));
  const path = join(folder, "store.db");
  try {
    const [filled, stored] = await within(path, async (db) => {
      const week = await fill(db, NODES);
      return [week, await bytesOf(db, NODES)] as const;
    });
    const [few, ofWeek] = await questions(path, filled, { days: WEEK, times: QUESTIONS });
    await within(path, (db) => fillBack(db, filled, MANY_DAYS));
    const [many, ofManyDays] = await questions(path, filled, { days: MANY_DAYS, times: FEW_QUESTIONS });
    const ratios = Object.entries(few).map(([name, p50]) => ({
      name: `${name}: ten times the history`,
      value: (many[name] ?? 0) / p50,
      unit: "×",
      bar: "≤ 1.5",
    }));
    const beside = await ingestBesides(path, filled);
    return [...stored, ...ofWeek, ...ofManyDays, ...ratios, ...beside, ...(await tickFigures(folder))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function within<Result>(path: string, act: (db: Db) => Promise<Result>): Promise<Result> {
  const database = await openLibsql({ url: `file:${path}` });
  await database.migrate();
  try {
    return await act(database.db);
  } finally {
    database.close();
  }
}

/** Medians of the questions by their names, and the figures. */
async function questions(
  path: string,
  filled: Filled,
  { days, times }: { days: number; times: number },
): Promise<[Record<string, number>, Figure[]]> {
  const started = performance.now();
  // No tick while only questions are measured.
  const server = await startServer(path, { CONNTRAIL_TICK: "10m" });
  const cold = performance.now() - started;
  const figures = [{ name: `cold start, ${days} days: to the first answer`, value: cold, unit: "ms" }];
  const medians: Record<string, number> = {};
  try {
    for (const [name, { query, bar }] of Object.entries(asked(filled, days))) {
      const took = await timesOf(query, times);
      medians[name] = quantile(took, 0.5);
      figures.push(
        { name: `${name}, ${days} days, p50`, value: quantile(took, 0.5), unit: "ms" },
        { name: `${name}, ${days} days, p99`, value: quantile(took, 0.99), unit: "ms", ...bar },
      );
    }
  } finally {
    await stopServer(server);
  }
  return [medians, figures];
}

type Question = { query: (n: number) => string; bar?: { bar: string } };

function asked({ now, fleet }: Filled, days: number): Record<string, Question> {
  const cluster = fleet.cluster(CLUSTER);
  const pods = cluster
    .lives(0)
    .alive(now - INTERVAL_MS)
    .filter(({ workload }) => !workload.hostNetwork);
  const podOf = (n: number) => {
    const { namespace, name } = pods[n % pods.length]?.owner ?? {};
    return `namespace=${namespace ?? ""}&pod=${name ?? ""}`;
  };
  const spaces = [...new Set(pods.map(({ owner }) => owner.namespace))];
  const talkers = (since: string, rest: string) =>
    `/v1/talkers?metric=opened&since=${since}&to=${now}&${rest}`;
  const all: Record<string, Question> = {};
  for (const [since, ms] of Object.entries({ "1h": 50, "24h": 150, "7d": 150 })) {
    const bar = { bar: `≤ ${ms}` };
    all[`talkers ${since} by pod`] = { query: () => talkers(since, "by=pod"), bar };
    all[`talkers ${since} by peer`] = { query: () => talkers(since, "by=peer"), bar };
    all[`talkers ${since} of one Pod by peer`] = { query: (n) => talkers(since, `by=peer&${podOf(n)}`), bar };
    all[`talkers ${since} of one namespace by pod`] = {
      query: (n) => talkers(since, `by=pod&namespace=${spaces[n % spaces.length] ?? ""}`),
      bar,
    };
  }
  if (days >= MANY_DAYS)
    all["talkers 90d by pod"] = { query: () => talkers("90d", "by=pod"), bar: { bar: "≤ 500" } };
  all["series 7d"] = { query: () => `/v1/series?metric=opened&since=7d&to=${now}`, bar: { bar: "≤ 50" } };
  all["series 1h by node"] = { query: () => `/v1/series?metric=opened&since=1h&to=${now}&by=node` };
  all["500 nodes"] = { query: () => `/v1/clusters/${CLUSTER}/nodes?limit=500` };
  all["metrics"] = { query: () => "/metrics" };
  return all;
}

async function timesOf(query: (n: number) => string, times: number): Promise<number[]> {
  const took: number[] = [];
  for (let n = -WARM_UP; n < times; n += 1) {
    const started = performance.now();
    await ask(query(Math.abs(n)));
    if (n >= 0) took.push(performance.now() - started);
  }
  return took;
}

/** What all nodes report in the next minutes, as fast as it is taken, while ticks run and somebody asks all the time. */
async function ingestBesides(path: string, { fleet, now }: Filled): Promise<Figure[]> {
  const parcels: Parcel[] = [];
  for (const { report } of fleet.reports({
    from: now,
    to: now + WINDOWS * INTERVAL_MS,
    intervalMs: INTERVAL_MS,
  }))
    parcels.push(await pack(report));
  const server = await startServer(path);
  try {
    const token = await ingestToken(CLUSTER);
    const posting = new AbortController();
    const asking: number[] = [];
    const curious = async () => {
      while (!posting.signal.aborted) {
        const started = performance.now();
        await ask(`/v1/talkers?by=pod&metric=opened&since=1h&to=${now}`);
        asking.push(performance.now() - started);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const asks = curious();
    const started = performance.now();
    const latencies = await postAll(parcels, token);
    const seconds = (performance.now() - started) / 1000;
    posting.abort();
    await asks;
    return [
      {
        name: "ingest beside ticks and ten questions a second",
        value: parcels.length / seconds,
        unit: "reports/s",
        bar: "≥ 1000",
      },
      {
        name: "ingest beside ticks and questions, p99",
        value: quantile(latencies, 0.99),
        unit: "ms",
        bar: "≤ 50",
      },
      { name: "talkers 1h by pod beside ingest, p99", value: quantile(asking, 0.99), unit: "ms" },
    ];
  } finally {
    await stopServer(server);
  }
}
