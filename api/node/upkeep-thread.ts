import { parentPort, workerData } from "node:worker_threads";
import { openLibsql } from "../../db/libsql.ts";
import { keepUp } from "./keep-up.ts";
import type { UpkeepConfig } from "./upkeep.ts";

// The thread that startUpkeep begins.
const { databaseUrl, databaseToken, retention, tickMs } = workerData as UpkeepConfig;
const stopping = new AbortController();
parentPort?.once("message", () => stopping.abort());
const database = await openLibsql({ url: databaseUrl, authToken: databaseToken });
const { db, giveSpaceBack } = database;
const log = (event: object) => parentPort?.postMessage(event, []);
await keepUp({ db, now: Date.now, log, retention, giveSpaceBack }, tickMs, stopping.signal);
database.close();
parentPort?.close();
