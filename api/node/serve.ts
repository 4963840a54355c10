import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";

/** Slow clients are cut off well before they could be many (slowloris). */
const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Above the longest interval of an agent: a new connection each window needs a new conntrack entry, and when the
  // agent's table is full there is none to be had.
  keepAliveTimeout: 310_000,
  // Node looks for connections that are over time this often, by default every 30 s.
  connectionsCheckingInterval: 1_000,
};
/** A fleet of a few thousand agents, and below the usual limit of open files with room to spare. */
const MAX_CONNECTIONS = 4_096;
/** How long requests in flight may take once the service stops. */
const DRAIN_MS = 4_000;
const DRAIN_POLL_MS = 25;

export interface Listening {
  /** Where a client on this machine finds it. */
  url: string;
  /** Whether it can be reached from every network this machine is in. */
  everywhere: boolean;
  /** Takes no more connections, waits for the requests in flight, and cuts off those that take too long. */
  close(): Promise<void>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** Resolves once connections are taken; rejects when the address cannot be had. */
export async function listen(fetch: Fetch, at: { host: string; port: number }): Promise<Listening> {
  const server = createAdaptorServer({ fetch, serverOptions: TIMEOUTS }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(at.port, at.host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://${reachable(at.host)}:${port}`;
  return { url, everywhere: url !== `http://${bracketed(at.host)}:${port}`, close: () => close(server) };
}

/** Where a client on this machine finds a server that listens on `host`. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return bracketed(host);
}

const bracketed = (host: string) => (host.includes(":") ? `[${host}]` : host);

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  // A connection that was busy is idle once it has its answer, and would be kept alive.
  const idle = setInterval(() => server.closeIdleConnections(), DRAIN_POLL_MS);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}
