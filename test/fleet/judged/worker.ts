import { parentPort } from "node:worker_threads";
import { RULES } from "../../../api/detect/index.ts";
import type { FleetSize } from "./plan.ts";
import { runSeed } from "./run.ts";

/** Judges one seed after another, as it is told. */
const port = parentPort;
if (!port) throw new Error("to be run as a worker thread");
port.on("message", (size: FleetSize) => port.postMessage(runSeed(size, RULES)));
