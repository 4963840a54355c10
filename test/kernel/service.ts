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
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Starts the agent as it is deployed, built into one file, of cluster `kernel` on node `node-1`. */
  agent(env?: NodeJS.ProcessEnv): ChildProcess;
  /** Resolves once the API has answered so many further reports with 202. */
  reports(count: number): Promise<void>;
}

export async function openService(network: Network): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-kernel-"));
  const api = network.spawn(network.node, process.execPath, [join(ROOT, "api/node.ts")], {
    env: {
      ...process.env,
      CONNTRAIL_PORT: String(PORT),
      CONNTRAIL_DATABASE_URL: `file:${join(folder, "conntrail.db")}`,
      CONNTRAIL_ADMIN_TOKEN: ADMIN,
    },
  });
  const lines = createInterface(api.stdout as Readable);
  await lineWith(lines, "listening");
  const ask: Service["ask"] = async (method, path, body) => {
    const args = [join(import.meta.dirname, "ask.ts"), method, `${URL_INSIDE}${path}`, ADMIN];
    if (body !== undefined) args.push(JSON.stringify(body));
    const { stdout } = await network.exec(network.node, process.execPath, args);
    return JSON.parse(stdout) as Answer;
  };
  await ask("POST", "/v1/clusters", { name: "kernel" });
  const made = await ask("POST", "/v1/tokens", { scope: "ingest", cluster: "kernel" });
  const token = String(made.body["token"]);
  return {
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
      for (let seen = 0; seen < count; seen += 1) await lineWith(lines, "/v1/reports", '"status":202');
    },
    async [Symbol.asyncDispose]() {
      await stop(api);
      await rm(folder, { recursive: true, force: true });
    },
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
