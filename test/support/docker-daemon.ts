import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** A container as the Engine API has it. */
export interface Inspection {
  Id: string;
  Name: string;
  State: { Running: boolean; StartedAt: string; FinishedAt: string };
  Config: { Labels: Record<string, string> };
  HostConfig: { NetworkMode: string };
  NetworkSettings: { Networks: Record<string, { IPAddress: string; GlobalIPv6Address: string }> };
}

export const T0 = Date.parse("2026-11-21T08:00:00Z");

export function aContainer(id: string, change: Partial<Inspection> = {}): Inspection {
  return {
    Id: id,
    Name: `/${id}-name`,
    State: { Running: true, StartedAt: new Date(T0).toISOString(), FinishedAt: "0001-01-01T00:00:00Z" },
    Config: { Labels: {} },
    HostConfig: { NetworkMode: "bridge" },
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2", GlobalIPv6Address: "" } } },
    ...change,
  };
}

/** An Engine API on a real socket, with what of it the agent asks for. */
export class DockerDaemon {
  readonly containers = new Map<string, Inspection>();
  /** Paths asked for, in order. */
  readonly asked: string[] = [];
  /** What is answered instead of the next answers to a path. */
  readonly instead = new Map<string, (response: ServerResponse) => void>();
  readonly #socketPath: string;
  #server: Server | undefined;
  #listeners = new Set<ServerResponse>();

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  put(...containers: Inspection[]): void {
    for (const container of containers) this.containers.set(container.Id, container);
  }

  async start(): Promise<void> {
    await rm(this.#socketPath, { force: true });
    this.#server = createServer((request, response) => this.#answer(request, response));
    await once(this.#server.listen(this.#socketPath), "listening");
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#listeners.clear();
    if (!server?.listening) return;
    server.closeAllConnections();
    await once(server.close(), "close");
  }

  /** How many listen to events. */
  get listeners(): number {
    return this.#listeners.size;
  }

  tell(...texts: string[]): void {
    for (const listener of this.#listeners) for (const text of texts) listener.write(text);
  }

  /** An event of a container, or of a network and a container, as the daemon writes it. */
  event(type: "container" | "network", action: string, container: string, at: number): void {
    const actor =
      type === "container"
        ? { ID: container, Attributes: { image: "nginx", name: "x" } }
        : { ID: "0a1b", Attributes: { container, name: "bridge", type: "bridge" } };
    const event = { Type: type, Action: action, Actor: actor, scope: "local", time: Math.floor(at / 1000) };
    this.tell(`${JSON.stringify({ ...event, timeNano: at * 1e6 })}\n`);
  }

  #answer({ url = "" }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(url);
    const path = url.split("?")[0] ?? "";
    const instead = this.instead.get(path);
    if (instead) return instead(response);
    if (path === "/events") {
      this.#listeners.add(response);
      response.on("close", () => this.#listeners.delete(response));
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      return;
    }
    const running = [...this.containers.values()].filter(({ State }) => State.Running);
    if (path === "/containers/json")
      return json(
        response,
        200,
        running.map(({ Id }) => ({ Id })),
      );
    const container = this.containers.get(/^\/containers\/([^/]+)\/json$/.exec(path)?.[1] ?? "");
    if (container) json(response, 200, container);
    else json(response, 404, { message: "No such container" });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
