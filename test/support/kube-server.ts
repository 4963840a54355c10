import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Why there can be no certificate here, or undefined. */
export function noOpenssl(): string | undefined {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "needs the openssl command to make a certificate";
  }
}

/** One request that is yet to be answered. */
export interface Asked {
  resource: string;
  query: URLSearchParams;
  token: string | undefined;
  response: ServerResponse;
}

/** An API server whose answers the test gives, request by request. */
export interface KubeServer {
  host: string;
  port: string;
  serviceAccount: string;
  setToken(token: string): void;
  /** The next request for that resource, in the order in which they came. */
  asked(resource: string): Promise<Asked>;
}

export async function openKubeServer(): Promise<KubeServer> {
  const serviceAccount = mkdtempSync(join(tmpdir(), "kube-"));
  const key = join(serviceAccount, "key.pem");
  const ca = join(serviceAccount, "ca.crt");
  const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=kubernetes`;
  const names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", ca];
  execFileSync("openssl", [...request.split(" "), ...names], { stdio: "ignore" });
  const setToken = (token: string) => writeFileSync(join(serviceAccount, "token"), `${token}\n`);
  setToken("first");

  const waiting = new Map<string, { asked: Asked[]; takers: ((asked: Asked) => void)[] }>();
  const queue = (resource: string) => {
    const found = waiting.get(resource) ?? { asked: [], takers: [] };
    waiting.set(resource, found);
    return found;
  };
  const server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, (request, response) => {
    const asked = readAsked(request, response);
    const { asked: before, takers } = queue(asked.resource);
    const taker = takers.shift();
    if (taker) taker(asked);
    else before.push(asked);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    rmSync(serviceAccount, { recursive: true });
  });
  return {
    host: "127.0.0.1",
    port: `${(server.address() as AddressInfo).port}`,
    serviceAccount,
    setToken,
    asked: (resource) =>
      new Promise((resolve) => {
        const { asked, takers } = queue(resource);
        const first = asked.shift();
        if (first) resolve(first);
        else takers.push(resolve);
      }),
  };
}

function readAsked(request: IncomingMessage, response: ServerResponse): Asked {
  const url = new URL(request.url ?? "", "https://kubernetes");
  return {
    resource: url.pathname.replace("/api/v1/", ""),
    query: url.searchParams,
    token: request.headers.authorization?.replace("Bearer ", ""),
    response,
  };
}

/** Answers with a list, or one page of it. */
export function list({ response }: Asked, items: object[], resourceVersion = "100", page?: string): void {
  const metadata = { resourceVersion, ...(page && { continue: page, remainingItemCount: 1 }) };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ kind: "List", apiVersion: "v1", metadata, items }));
}

/** Answers a watch with one more event; the watch goes on. */
export function tell({ response }: Asked, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

export function refuse({ response }: Asked, code: number, message: string, headers = {}): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(status(code, message)));
}

export const status = (code: number, message: string) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  message,
  code,
});

export const bookmark = (resourceVersion: string | undefined) => ({
  kind: "Pod",
  apiVersion: "v1",
  metadata: { resourceVersion, creationTimestamp: null },
  spec: { containers: null },
  status: {},
});
