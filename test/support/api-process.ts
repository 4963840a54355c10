import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { builtProgram, compiled } from "./program.ts";

/** The API as its own process. */
export interface ApiProcess {
  child: ChildProcess;
  /** What it has written so far. */
  stdout: () => string;
  stderr: () => string;
  /** Resolves once it has written a line that matches on either stream; rejects when it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the code it ends with; null when a signal ended it. */
  ended: Promise<number | null>;
}

/** A folder for one test. */
export async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-api-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Starts the built `api/node.ts` on a port the kernel chooses, with its database in `folder`; ended with the test. `within` is a
 * command that ends in becoming the one it is given.
 */
export function startApi(
  folder: string,
  env: NodeJS.ProcessEnv = {},
  args: string[] = [],
  within: string[] = [],
): ApiProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("CONNTRAIL_"));
  const [command = "", ...rest] = [...within, process.execPath, builtProgram("api/node.ts"), ...args];
  const child = spawn(command, rest, {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), CONNTRAIL_PORT: "0", ...compiled(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const streams = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (chunk) => {
      streams[name] += String(chunk);
      for (const look of waiting) look();
    });
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const said = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(streams.stdout) ?? pattern.exec(streams.stderr);
        if (match) resolve(match);
      };
      waiting.add(look);
      look();
      void ended.then((code) => reject(new Error(`ended with ${code}: ${streams.stdout}${streams.stderr}`)));
    });
  return { child, ended, said, stdout: () => streams.stdout, stderr: () => streams.stderr };
}

/** Where a started API listens. */
export async function urlOf(api: ApiProcess): Promise<string> {
  return (await api.said(/listening on (\S+)/))[1] ?? "";
}

/** Asks it as a client would; the answer with its status. */
export async function call(url: string, token: string, method = "GET", json?: unknown) {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  // oxlint-disable-next-line typescript/no-explicit-any -- tests say what they expect of it
  const body: any = text ? JSON.parse(text) : undefined;
  return { status: response.status, body };
}

/** An ingest token of cluster `prod`, made over HTTP. */
export async function ingestToken(url: string, admin: string): Promise<string> {
  await call(`${url}/v1/clusters`, admin, "POST", { name: "prod" });
  return (await call(`${url}/v1/tokens`, admin, "POST", { scope: "ingest", cluster: "prod" })).body.token;
}
