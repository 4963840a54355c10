import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { sql } from "drizzle-orm";
import type { Db } from "../../../db/client.ts";
import { Fleet } from "../fleet.ts";
import type { FleetOptions } from "../spec.ts";
import type { Eras, Parcel } from "./parcel.ts";
import { HistoryStore } from "./store.ts";
import type { Order } from "./worker.ts";

const WORKER = join(import.meta.dirname, "worker.ts");

/**
 * Fills an empty database with the history of a fleet: a thread makes that of each cluster, this one stores it.
 * @param progress is told which part of all is done, from 0 to 1
 */
export async function fill(
  db: Db,
  { fleet: options, eras }: { fleet: FleetOptions; eras: Eras },
  { progress, signal }: { progress: (part: number) => void; signal: AbortSignal },
): Promise<void> {
  const fleet = new Fleet(options);
  const store = new HistoryStore(db);
  const ids = await store.begin(fleet.clusters, eras.hours);
  // Whoever is killed meanwhile begins anew.
  await db.run(sql`pragma synchronous = off`);
  const done = new Map<string, number>();
  const told = (parcel: Parcel) => {
    done.set(parcel.cluster, workDone(eras, parcel.until));
    progress([...done.values()].reduce((sum, part) => sum + part, 0) / ids.size);
  };
  // What the service is to look at itself goes last: it looks at what has greater ids than what it has seen.
  const tail: Parcel[] = [];
  let turn = Promise.resolve();
  const take = (parcel: Parcel) => {
    // One after another: there is one connection.
    if (parcel.until > eras.tail) tail.push(parcel);
    else turn = turn.then(() => store.take(parcel));
    turn = turn.then(() => told(parcel));
    return turn;
  };
  const workers = [...ids].map(([cluster, clusterId]) =>
    run({ fleet: options, cluster, clusterId, eras }, signal, take),
  );
  await Promise.all(workers);
  for (const parcel of tail) await store.take(parcel);
  await store.end(eras);
  await db.run(sql`pragma synchronous = full`);
}

/** Resolves when the worker has ended and all it made is stored. */
function run(order: Order, signal: AbortSignal, take: (parcel: Parcel) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: order });
    const stop = () => void worker.terminate().then(() => reject(signal.reason as Error));
    signal.addEventListener("abort", stop, { once: true });
    let last = Promise.resolve();
    worker.on("message", (parcel: Parcel) => {
      last = take(parcel).then(() => worker.postMessage("stored", []));
      last.catch((error: unknown) => void worker.terminate().then(() => reject(error as Error)));
    });
    worker.once("error", reject);
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      last.then(resolve, reject);
    });
  });
}

/** An hour of windows is as much work as so many of the others. */
const WORK = { hours: 1, tenMinutes: 3, windows: 14, minutes: 16, tail: 8 };

function workDone(eras: Eras, until: number): number {
  const { hours, tenMinutes, windows, minutes, tail, end } = eras;
  const parts = [
    [hours, tenMinutes, WORK.hours],
    [tenMinutes, windows, WORK.tenMinutes],
    [windows, minutes, WORK.windows],
    [minutes, tail, WORK.minutes],
    [tail, end, WORK.tail],
  ] as const;
  const work = (to: number) =>
    parts.reduce((sum, [from, end, weight]) => sum + weight * Math.max(0, Math.min(to, end) - from), 0);
  return work(until) / work(end);
}
