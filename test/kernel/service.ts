import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { inject } from "vitest";
import type { Network } from "../support/namespaces.ts";

const ROOT = join(import.meta.dirname, "../..");
const PORT = 8787;
const ADMIN = "kernel-test-admin-token-0123456789abcdef";
const URL_INSIDE = `http://127.0.0.1:${PORT}`;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** The real API in the node's namespace, and the real agent beside it. */
export interface Service extends AsyncDisposable {
  /** Where it listens in the node's namespace, and a token of cluster `kernel` for agents there. */
  readonly url: string;
  readonly token: string;
  /** The file of its database. */
  readonly database: string;
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Starts the agent as it is deployed, built into one file, of cluster `kernel` on node `node-1`. */
  agent(env?: NodeJS.ProcessEnv): ChildProcess;
  /** Resolves once the API has answered so many further reports with 202. */
  reports(count: number): Promise<void>;
  /** Resolves once a window of node-1 that ended at that instant or later is stored. */
  reportedUntil(instant: number): Promise<void>;
}

export async function openService(network: Network, env: NodeJS.ProcessEnv = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-kernel-"));
  const database = join(folder, "conntrail.db");
  const api = network.spawn(network.node, process.execPath, [join(ROOT, "api/node.ts")], {
    env: {
      ...process.env,
      CONNTRAIL_PORT: String(PORT),
      CONNTRAIL_DATABASE_URL: `file:${database}`,
      CONNTRAIL_ADMIN_TOKEN: ADMIN,
      ...env,
    },
  });
  const lines = createInterface(api.stdout as Readable);
  await lineWith(lines, "listening");
  let taken = 0;
  lines.on("line", (line) => (taken += isTaken(line) ? 1 : 0));
  const ask = asker(network);
  await ask("POST", "/v1/clusters", { name: "kernel" });
  const made = await ask("POST", "/v1/tokens", { scope: "ingest", cluster: "kernel" });
  const token = String(made.body["token"]);
  return {
    url: URL_INSIDE,
    token,
    database,
    ask,
    agent: (env = {}) =>
      network.spawn(network.node, process.execPath, [inject("builtAgent")], {
        env: {
          ...process.env,
          CONNTRAIL_URL: URL_INSIDE,
          CONNTRAIL_TOKEN: token,
          CONNTRAIL_NODE: "node-1",
          CONNTRAIL_INTERVAL: "5s",
          ...env,
        },
      }),
    reports: async (count) => {
      for (let seen = 0; seen < count; seen += 1) await lineWith(lines, ...TAKEN);
    },
    reportedUntil: async (instant) => {
      for (;;) {
        const before = taken;
        const { body } = await ask("GET", "/v1/clusters/kernel/nodes/node-1");
        if (Date.parse(String(body["windowTo"])) >= instant) return;
        if (taken === before) await lineWith(lines, ...TAKEN);
      }
    },
    async [Symbol.asyncDispose]() {
      await stop(api);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the API's log says of a report it has taken. */
const TAKEN = ["/v1/reports", '"status":202'];
const isTaken = (line: string) => TAKEN.every((part) => line.includes(part));

/** One process asks everything: each of its own would take longer to start than to be answered. */
function asker(network: Network): Service["ask"] {
  const args = [join(import.meta.dirname, "ask.ts"), URL_INSIDE, ADMIN];
  const child = network.spawn(network.node, process.execPath, args);
  const answers = createInterface(child.stdout as Readable)[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  return (method, path, body) => {
    const answer = last.then(async () => {
      child.stdin?.write(`${JSON.stringify({ method, path, body: JSON.stringify(body) })}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error(`nobody answers ${method} ${path}`);
      return JSON.parse(value) as Answer;
    });
    last = answer.catch(() => {});
    return answer;
  };
}

/** Asks a child to end and gives the code it ended with. */
export async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
  return child.exitCode;
}

function lineWith(lines: ReturnType<typeof createInterface>, ...parts: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const onLine = (line: string) => {
      if (parts.every((part) => line.includes(part))) done(() => resolve(line));
    };
    const onClose = () => done(() => reject(new Error(`the API ended before it said ${parts.join(" ")}`)));
    const done = (settle: () => void) => {
      lines.off("line", onLine).off("close", onClose);
      settle();
    };
    lines.on("line", onLine).on("close", onClose);
  });
}
