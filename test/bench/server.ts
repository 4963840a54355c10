import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Agent, request } from "node:http";
import { join } from "node:path";
import type { Parcel } from "../../agent/push.ts";

const ROOT = join(import.meta.dirname, "../..");
const PORT = 18_787;
export const URL_BASE = `http://127.0.0.1:${PORT}`;
const ADMIN = "bench-admin-token-of-more-than-32-characters";

/** The real entry on that database; resolves once it answers. */
export async function startServer(path: string, env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const server = spawn(process.execPath, ["api/node.ts"], {
    cwd: ROOT,
    env: {
      ...process.env,
      CONNTRAIL_PORT: String(PORT),
      CONNTRAIL_DATABASE_URL: `file:${path}`,
      CONNTRAIL_ADMIN_TOKEN: ADMIN,
      ...env,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let attempt = 0; attempt < 1000 && server.exitCode === null; attempt += 1) {
    if (await isReady()) return server;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  server.kill();
  throw new Error("the API did not become ready");
}

const isReady = () =>
  fetch(`${URL_BASE}/readyz`).then(
    (response) => response.ok,
    () => false,
  );

export async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = once(server, "exit");
  server.kill("SIGTERM");
  await gone;
}

/** Asks as an admin; throws where the answer is no success. */
export async function ask(path: string, body?: unknown): Promise<string> {
  const response = await fetch(`${URL_BASE}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${ADMIN}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text;
}

export async function ingestToken(cluster: string): Promise<string> {
  const answer = JSON.parse(await ask("/v1/tokens", { scope: "ingest", cluster })) as { token: string };
  return answer.token;
}

/** The status it is answered with. */
export function postReport(
  agent: Agent,
  { encoding, body }: Parcel,
  token: string,
): Promise<number | undefined> {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-encoding": encoding,
    "content-length": body.length,
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${URL_BASE}/v1/reports`, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
