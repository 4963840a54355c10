import type { Owner } from "./owner.ts";

/** What an inspection says of who has which address. */
export interface Container {
  id: string;
  owner: Owner;
  /** Of all its networks, in both families. None where it shares the host's network or another container's. */
  addresses: string[];
  running: boolean;
  /** Epoch ms; undefined where it has not started or not ended yet. */
  startedAt: number | undefined;
  finishedAt: number | undefined;
}

/** Something that happened to a container. */
export interface DockerEvent {
  /** Its id. */
  container: string;
  /** Whether it stopped running. */
  ended: boolean;
  /** Epoch ms. */
  at: number;
}

const COMPOSE_PROJECT = "com.docker.compose.project";
const COMPOSE_SERVICE = "com.docker.compose.service";

/** Reads GET /containers/{id}/json; undefined where it is something else. */
export function parseContainer(answer: unknown): Container | undefined {
  const { Id: id, Name: name, State: state, Config: config, NetworkSettings: settings } = asObject(answer);
  if (typeof id !== "string" || typeof name !== "string") return undefined;
  const { Running: running, StartedAt: startedAt, FinishedAt: finishedAt } = asObject(state);
  const networks = Object.values(asObject(asObject(settings)["Networks"])).map(asObject);
  const addresses = networks
    .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
    .filter((address): address is string => typeof address === "string" && address !== "");
  return {
    id,
    owner: {
      kind: "container",
      name: name.replace(/^\//, ""),
      uid: id,
      ...workloadOf(asObject(config)["Labels"]),
    },
    addresses: [...new Set(addresses)],
    running: running === true,
    startedAt: instant(startedAt),
    finishedAt: instant(finishedAt),
  };
}

/** Compose labels what it makes. */
function workloadOf(labels: unknown): Pick<Owner, "workloadKind" | "workload"> {
  const { [COMPOSE_PROJECT]: project, [COMPOSE_SERVICE]: service } = asObject(labels);
  if (typeof project !== "string" || typeof service !== "string") return {};
  return { workloadKind: "compose project", workload: `${project}/${service}` };
}

/** Ids of GET /containers/json. */
export function parseIds(answer: unknown): string[] {
  if (!Array.isArray(answer)) return [];
  return answer.map((row) => asObject(row)["Id"]).filter((id) => typeof id === "string");
}

/** Reads one event of GET /events; undefined for what concerns no container. */
export function parseEvent(event: unknown): DockerEvent | undefined {
  const { Type: type, Action: action, Actor: actor, timeNano } = asObject(event);
  const { ID: id, Attributes: attributes } = asObject(actor);
  // What happens to a network names the container among its attributes.
  const container = type === "network" ? asObject(attributes)["container"] : id;
  if (typeof container !== "string" || container === "" || typeof timeNano !== "number") return undefined;
  return { container, ended: action === "die", at: Math.floor(timeNano / 1e6) };
}

/** What has not happened yet has the year 1. */
function instant(text: unknown): number | undefined {
  const at = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return at > 0 ? at : undefined;
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
