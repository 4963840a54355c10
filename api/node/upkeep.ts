import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { innermost } from "../../db/failure.ts";
import type { LogEvent } from "../router.ts";
import type { Config } from "./config.ts";

/** What the thread is given. */
export type UpkeepConfig = Pick<Config, "databaseUrl" | "retention" | "tickMs"> & {
  databaseToken: string | undefined;
};

/**
 * Ticks in a thread of their own, with a connection of their own: to fold a minute of a thousand nodes takes a second of CPU,
 * in which no report could be taken in. Ends, once told to stop, after the tick under way.
 */
export async function startUpkeep(
  { databaseUrl, databaseToken, retention, tickMs }: Config,
  log: (event: LogEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  const workerData: UpkeepConfig = { databaseUrl, databaseToken, retention, tickMs };
  const thread = new Worker(join(import.meta.dirname, "upkeep-thread.ts"), { workerData });
  thread.on("message", log);
  stop.addEventListener("abort", () => thread.postMessage("stop", []), { once: true });
  try {
    await once(thread, "exit");
  } catch (error) {
    log({ level: "error", event: "upkeep-ended", error: innermost(error).toString() });
  }
}
