import { mkdtemp, rm, stat } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, type Parcel } from "../../agent/push.ts";
import { type Figure, quantile } from "./figure.ts";
import { quietReport } from "./report-size.ts";
import { ask, ingestToken, postReport, startServer, stopServer } from "./server.ts";

const NODES = 200;
const REPORTS = 12_000;
/** Posted before the clock starts, so that what is measured is a service that has run for some seconds. */
const WARM_UP = 2_000;
const CLIENTS = 32;

/** Durable ingest over loopback: the real entry, a file with synchronous=FULL, clients with kept connections. */
export async function benchIngest(): Promise<Figure[]> {
  const parcels = await manyParcels();
  const folder = await mkdtemp(join(tmpdir(), "conntrail-bench-"));
  const server = await startServer(join(folder, "bench.db"));
  try {
    await ask("/v1/clusters", { name: "bench" });
    const token = await ingestToken("bench");
    await postAll(parcels.slice(0, WARM_UP), token);
    const before = process.cpuUsage();
    const started = performance.now();
    const latencies = await postAll(parcels.slice(WARM_UP), token);
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    // The log is folded into the file when the server stops.
    await stopServer(server);
    const bytes = (await stat(join(folder, "bench.db"))).size;
    return [
      {
        name: `ingest, durable, over loopback, ${CLIENTS} clients`,
        value: Math.round(REPORTS / seconds),
        unit: "reports/s",
        bar: "≥ 1000",
      },
      { name: "ingest, p50", value: quantile(latencies, 0.5), unit: "ms" },
      { name: "ingest, p99", value: quantile(latencies, 0.99), unit: "ms", bar: "≤ 50" },
      {
        name: "ingest, CPU the client took beside it",
        value: (user + system) / 1e6 / seconds,
        unit: "cores",
      },
      { name: "store, a report", value: bytes / parcels.length, unit: "bytes" },
    ];
  } finally {
    await stopServer(server);
    await rm(folder, { recursive: true });
  }
}

/** Distinct reports, packed before the clock starts: 200 nodes, windows of 30 s going back from now. */
async function manyParcels(): Promise<Parcel[]> {
  const variants = Array.from({ length: 20 }, (_, seed) => quietReport(seed + 1));
  const now = Math.floor(Date.now() / 30_000) * 30_000;
  const parcels: Parcel[] = [];
  for (let n = 0; n < WARM_UP + REPORTS; n += 1) {
    const back = Math.floor(n / NODES);
    const report = structuredClone(variants[n % variants.length]!);
    report.node.name = `node-${n % NODES}`;
    report.sequence = 10_000 - back;
    report.window = { from: now - (back + 1) * 30_000, to: now - back * 30_000 };
    parcels.push(await pack(report));
  }
  return parcels.toReversed();
}

/** By so many clients at once, each with a connection it keeps; how long each report took, in ms. */
export async function postAll(parcels: readonly Parcel[], token: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const latencies: number[] = [];
  let next = 0;
  const client = async () => {
    for (let parcel = parcels[next++]; parcel; parcel = parcels[next++]) {
      const started = performance.now();
      const status = await postReport(agent, parcel, token);
      if (status !== 202) throw new Error(`report ${next} was answered ${status}`);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  agent.destroy();
  return latencies;
}
