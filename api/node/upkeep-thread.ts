import { parentPort, workerData } from "node:worker_threads";
import { innermost } from "../../db/failure.ts";
import { openLibsql } from "../../db/libsql.ts";
import { HoursCache } from "../../db/queries/look.ts";
import { alertingOn } from "./alerting.ts";
import { Bell } from "./bell.ts";
import { keepTellingWith } from "./keep-telling.ts";
import { keepUp } from "./keep-up.ts";
import type { ToUpkeep, UpkeepConfig } from "./upkeep.ts";

// The thread that startUpkeep begins.
const config = workerData as UpkeepConfig;
const stopping = new AbortController();
const urgent = new Bell();
const news = new Bell();
const answers: Record<ToUpkeep, () => void> = {
  stop: () => stopping.abort(),
  urgent: () => urgent.ring(),
  news: () => news.ring(),
};
parentPort?.on("message", (message: ToUpkeep) => answers[message]());
const database = await openLibsql({ url: config.databaseUrl, authToken: config.databaseToken });
const log = (event: object) => parentPort?.postMessage(event, []);
await Promise.all([upkeep(), telling()]);
database.close();
parentPort?.close();

function upkeep(): Promise<void> {
  const { db, giveSpaceBack } = database;
  const { retention, tickMs } = config;
  const deps = { db, now: Date.now, log, retention, giveSpaceBack, hours: new HoursCache() };
  return keepUp({ ...deps, onNews: () => news.ring() }, tickMs, stopping.signal, urgent);
}

/** Without what alerts are sent with, the rest is done all the same. */
function telling(): Promise<void> {
  const deps = { db: database.db, now: Date.now, log, random: Math.random };
  return keepTellingWith(async () => ({ ...(await alertingOn(config)), ...deps }), {
    bell: news,
    stop: stopping.signal,
    onFailed: (error) =>
      log({ level: "error", event: "alerts-not-sent", error: innermost(error).toString() }),
  });
}
