import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { innermost } from "../../db/failure.ts";
import type { LogEvent } from "../router.ts";
import type { Config } from "./config.ts";

/** What the thread is given. */
export type UpkeepConfig = Pick<Config, "databaseUrl" | "retention" | "tickMs" | "alerting"> & {
  databaseToken: string | undefined;
};

/** What the thread is told: to end; that a report is to be judged at once; that something is to be sent. */
export type ToUpkeep = "stop" | "urgent" | "news";

/** `ended` resolves after the tick that is under way when it is told to stop. */
export type Upkeep = { ended: Promise<void>; tell(message: Exclude<ToUpkeep, "stop">): void };

/** Before a thread that died is begun anew: what it died of may pass, and the log is not to fill the disk. */
const PAUSE_MS = 10_000;

/**
 * Ticks in a thread of their own, with a connection of their own: to fold a minute of a thousand nodes takes a second of CPU,
 * in which no report could be taken in. Where the thread dies, another takes over after a pause. Ends, once told to stop, after
 * the tick under way.
 */
export function startUpkeep(
  { databaseUrl, databaseToken, retention, tickMs, alerting }: Config,
  log: (event: LogEvent) => void,
  stop: AbortSignal,
  pauseMs = PAUSE_MS,
): Upkeep {
  const workerData: UpkeepConfig = { databaseUrl, databaseToken, retention, tickMs, alerting };
  let running: Worker | undefined;
  const keepRunning = async () => {
    while (!stop.aborted) {
      try {
        running = new Worker(join(import.meta.dirname, "upkeep-thread.ts"), { workerData });
        await untilEnd(running, log, stop);
      } catch (error) {
        log({ level: "error", event: "upkeep-ended", error: innermost(error).toString() });
        await setTimeout(pauseMs, undefined, { signal: stop }).catch(() => {});
      }
    }
  };
  return { ended: keepRunning(), tell: (message) => running?.postMessage(message, []) };
}

/** Resolves when it has ended because it was told to; rejects with what it died of. */
async function untilEnd(thread: Worker, log: (event: LogEvent) => void, stop: AbortSignal): Promise<void> {
  const tellIt = () => thread.postMessage("stop" satisfies ToUpkeep, []);
  thread.on("message", log);
  stop.addEventListener("abort", tellIt, { once: true });
  try {
    const [code] = (await once(thread, "exit")) as [number];
    if (!stop.aborted) throw new Error(`the thread ended with code ${code}`);
  } finally {
    stop.removeEventListener("abort", tellIt);
  }
}
