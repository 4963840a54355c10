import { parentPort, workerData } from "node:worker_threads";
import { Fleet } from "../fleet.ts";
import type { FleetOptions } from "../spec.ts";
import { HistoryOf } from "./make.ts";
import type { Eras, Parcel } from "./parcel.ts";

export interface Order {
  fleet: FleetOptions;
  cluster: string;
  clusterId: number;
  eras: Eras;
}

/** Parcels on their way at once: enough that nobody waits, few enough that memory does not grow. */
const UNDER_WAY = 4;

/** Makes the history of one cluster in a thread of its own; each message back says that a parcel was stored. */
const port = parentPort;
if (!port) throw new Error("to be run as a worker thread");
const { fleet, cluster, clusterId, eras } = workerData as Order;
const parcels = new HistoryOf(new Fleet(fleet), cluster, clusterId).parcels(eras);
const next = () => {
  const { value, done } = parcels.next();
  if (done) port.close();
  else port.postMessage(value, bytesOf(value));
};
port.on("message", next);
for (let parcel = 0; parcel < UNDER_WAY; parcel += 1) next();

/** Handed over, not copied; small views of one shared buffer cannot be. */
function bytesOf({ buckets, stored }: Parcel): ArrayBuffer[] {
  const views = [
    ...buckets.map(({ data }) => data),
    ...stored.flatMap(({ segment, details }) => [segment, details]),
  ];
  const whole = views.filter((view) => view !== undefined && view.byteLength === view.buffer.byteLength);
  return [...new Set(whole.map((view) => view!.buffer as ArrayBuffer))];
}
