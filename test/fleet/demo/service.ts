import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const ENTRY = join(import.meta.dirname, "../../../api/node.ts");
const LISTENING = /listening on (\S+)/;

export interface Service {
  url: string;
  /** Resolves when it has ended, by itself or stopped. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** Whether the port can be had, before a minute of work is done for it. */
export async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** The service as its entry has it, on a database in the folder; its log is there too. Rejects where it ends at once. */
export async function startService(folder: string, env: NodeJS.ProcessEnv): Promise<Service> {
  const log = openSync(join(folder, "service.log"), "a", 0o600);
  const child = spawn(process.execPath, [ENTRY], {
    env: {
      ...env,
      CONNTRAIL_DATABASE_URL: `file:${join(folder, "conntrail.db")}`,
      // The demo prints a token that reads; who wants to add channels gives one.
      CONNTRAIL_ADMIN_TOKEN: env["CONNTRAIL_ADMIN_TOKEN"] || randomBytes(32).toString("hex"),
    },
    stdio: ["ignore", "pipe", log],
    // A Ctrl-C is for the demo, which ends the service once it posts no more.
    detached: true,
  });
  const ended = once(child, "close");
  const url = await addressOf(child, log);
  return { url, ended, stop: () => stop(child, ended) };
}

async function addressOf(child: ChildProcess, log: number): Promise<string> {
  const { writeSync } = await import("node:fs");
  let said = "";
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      writeSync(log, chunk);
      if (said.length > 10_000) return;
      said += String(chunk);
      const url = LISTENING.exec(said)?.[1];
      if (url) resolve(url);
    });
    child.once("close", (code) =>
      reject(new Error(`the service ended with code ${code}; service.log says why`)),
    );
  });
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  await ended;
}
