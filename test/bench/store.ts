import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, type Parcel } from "../../agent/push.ts";
import { openLibsql } from "../../db/libsql.ts";
import { type Figure, quantile } from "./figure.ts";
import { postAll } from "./ingest.ts";
import { ask, ingestToken, startServer, stopServer } from "./server.ts";
import { CLUSTER, fill, type Filled, INTERVAL_MS } from "./store/fill.ts";
import { bytesOf, tickFigures } from "./store/measures.ts";

const NODES = 1_000;
const MINUTES = 12;
const DAYS = [7, 70];
const QUESTIONS = 100;

/** What a store with a history answers how fast, and takes in beside it: a fleet of a thousand nodes of 40 Pods. */
export async function benchStore(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-bench-"));
  try {
    const figures: Figure[] = [];
    const asked: Record<string, number>[] = [];
    for (const days of DAYS) {
      const path = join(folder, `${days}.db`);
      const database = await openLibsql({ url: `file:${path}` });
      await database.migrate();
      const filled = await fill(database.db, { nodes: NODES, days, minutes: MINUTES });
      if (days === DAYS[0]) figures.push(...(await bytesOf(database.db, NODES)));
      database.close();
      figures.push({ name: `database, ${days} days`, value: (await stat(path)).size / 1e6, unit: "MB" });
      asked.push(await questions(path, filled, { days, figures }));
    }
    const [few = {}, many = {}] = asked;
    for (const [name, p50] of Object.entries(few))
      figures.push({
        name: `${name}: ten times the history`,
        value: (many[name] ?? 0) / p50,
        unit: "×",
        bar: "≤ 1.5",
      });
    return [...figures, ...(await tickFigures(folder))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Medians of the questions, by their names; the figures go to `figures`. */
async function questions(
  path: string,
  filled: Filled,
  { days, figures }: { days: number; figures: Figure[] },
): Promise<Record<string, number>> {
  const started = performance.now();
  // No tick while only questions are measured.
  const server = await startServer(path, { CONNTRAIL_TICK: "10m" });
  const medians: Record<string, number> = {};
  try {
    figures.push({
      name: `cold start, ${days} days: to the first answer`,
      value: performance.now() - started,
      unit: "ms",
    });
    for (const [name, { query, bar }] of Object.entries(asked(filled))) {
      const took = await times(query);
      medians[name] = quantile(took, 0.5);
      figures.push({ name: `${name}, ${days} days, p50`, value: quantile(took, 0.5), unit: "ms" });
      figures.push({
        name: `${name}, ${days} days, p99`,
        value: quantile(took, 0.99),
        unit: "ms",
        bar: `≤ ${bar}`,
      });
    }
  } finally {
    await stopServer(server);
  }
  if (days === DAYS[0]) figures.push(...(await ingestBesides(path, filled)));
  return medians;
}

function asked({ now, fleet }: Filled): Record<string, { query: (n: number) => string; bar: number }> {
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
  const bars = { "1h": 50, "24h": 150, "7d": 150 };
  const all: Record<string, { query: (n: number) => string; bar: number }> = {};
  for (const [since, bar] of Object.entries(bars)) {
    all[`talkers ${since} by pod`] = { query: () => talkers(since, "by=pod"), bar };
    all[`talkers ${since} by peer`] = { query: () => talkers(since, "by=peer"), bar };
    all[`talkers ${since} of one Pod by peer`] = { query: (n) => talkers(since, `by=peer&${podOf(n)}`), bar };
    all[`talkers ${since} of one namespace by pod`] = {
      query: (n) => talkers(since, `by=pod&namespace=${spaces[n % spaces.length] ?? ""}`),
      bar,
    };
  }
  all["series 7d"] = { query: () => `/v1/series?metric=opened&since=7d&to=${now}`, bar: 50 };
  all["metrics"] = { query: () => "/metrics", bar: 50 };
  return all;
}

async function times(query: (n: number) => string): Promise<number[]> {
  const took: number[] = [];
  for (let n = -5; n < QUESTIONS; n += 1) {
    const started = performance.now();
    await ask(query(Math.abs(n)));
    if (n >= 0) took.push(performance.now() - started);
  }
  return took;
}

/** What all nodes report in the next minutes, as fast as it is taken, while ticks run and somebody asks all the time. */
async function ingestBesides(path: string, { fleet, now }: Filled): Promise<Figure[]> {
  const parcels: Parcel[] = [];
  for (const { report } of fleet.reports({ from: now, to: now + 10 * INTERVAL_MS, intervalMs: INTERVAL_MS }))
    parcels.push(await pack(report));
  const server = await startServer(path, { CONNTRAIL_TICK: "1s" });
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
