import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { innermost } from "../../db/failure.ts";
import type { LogEvent } from "../router.ts";
import type { Config } from "./config.ts";

/** What the thread is given. */
export type UpkeepConfig = Pick<Config, "databaseUrl" | "retention" | "tickMs"> & {
  databaseToken: string | undefined;
};

/** Before a thread that died is begun anew: what it died of may pass, and the log is not to fill the disk. */
const PAUSE_MS = 10_000;

/**
 * Ticks in a thread of their own, with a connection of their own: to fold a minute of a thousand nodes takes a second of CPU,
 * in which no report could be taken in. Where the thread dies, another takes over after a pause. Ends, once told to stop, after
 * the tick under way.
 */
export async function startUpkeep(
  { databaseUrl, databaseToken, retention, tickMs }: Config,
  log: (event: LogEvent) => void,
  stop: AbortSignal,
  pauseMs = PAUSE_MS,
): Promise<void> {
  const workerData: UpkeepConfig = { databaseUrl, databaseToken, retention, tickMs };
  while (!stop.aborted) {
    try {
      await upkeepThread(workerData, log, stop);
    } catch (error) {
      log({ level: "error", event: "upkeep-ended", error: innermost(error).toString() });
      await setTimeout(pauseMs, undefined, { signal: stop }).catch(() => {});
    }
  }
}

/** Resolves when it has ended because it was told to; rejects with what it died of. */
async function upkeepThread(
  workerData: UpkeepConfig,
  log: (event: LogEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  const thread = new Worker(join(import.meta.dirname, "upkeep-thread.ts"), { workerData });
  const tellIt = () => thread.postMessage("stop", []);
  thread.on("message", log);
  stop.addEventListener("abort", tellIt, { once: true });
  try {
    const [code] = (await once(thread, "exit")) as [number];
    if (!stop.aborted) throw new Error(`the thread ended with code ${code}`);
  } finally {
    stop.removeEventListener("abort", tellIt);
  }
}
