import type { Log } from "../log.ts";
import { dockerApi, type DockerApi } from "./docker-api.ts";
import {
  type Container,
  type DockerEvent,
  parseContainer,
  parseEvent,
  parseIds,
} from "./docker-container.ts";
import type { Owner, OwnerSink, OwnerSource } from "./owner.ts";

/** Where the daemon listens unless it was told otherwise. */
export const DOCKER_SOCKET = "/var/run/docker.sock";
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/**
 * A daemon that hangs keeps its socket open and tells nothing, and an event can be lost: the list is asked for anew this
 * often. It is a request for each container, some hundred on a machine.
 */
export const RELIST_MS = 600_000;
/** More containers than one machine runs; each takes a request when the daemon comes back. */
export const MAX_CONTAINERS = 4_096;

const EVENTS = {
  type: ["container", "network"],
  event: ["start", "die", "rename", "connect", "disconnect"],
};
const EVENTS_PATH = `/events?filters=${encodeURIComponent(JSON.stringify(EVENTS))}`;

export interface DockerDeps {
  socketPath?: string;
  now: () => number;
  log: Log;
  /** Resolves after so many ms, or when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A signal that aborts after so many ms. */
  deadline: (ms: number) => AbortSignal;
}

/** The containers of this machine, by the daemon that runs them: listed once, then followed by its events. */
export function openDocker(deps: DockerDeps): OwnerSource {
  const state = { isCurrent: false };
  return {
    name: "docker",
    isCurrent: () => state.isCurrent,
    run: (sink, signal) => run(new Holders(sink, deps), state, { deps, signal }),
  };
}

type State = { isCurrent: boolean };
type Within = { deps: DockerDeps; signal: AbortSignal };

async function run(holders: Holders, state: State, { deps, signal }: Within): Promise<void> {
  const { socketPath = DOCKER_SOCKET, log, sleep, deadline } = deps;
  let attempt = 0;
  let isFollowed = false;
  let lost = false;
  while (!signal.aborted) {
    // Closes what is still open when one of the requests fails.
    const connection = new AbortController();
    const term = deadline(RELIST_MS);
    try {
      const within = AbortSignal.any([signal, connection.signal, term]);
      await follow(dockerApi(socketPath, { signal: within, deadline }), holders, () => {
        if (!isFollowed)
          log({ level: "info", event: "docker-followed", socket: socketPath, containers: holders.size });
        holders.listed();
        state.isCurrent = true;
        attempt = 0;
        isFollowed = true;
        lost = false;
      });
      throw new Error("the daemon ended its events");
    } catch (error) {
      if (signal.aborted) return;
      // What happens until the events are asked for again is in the list that follows.
      if (term.aborted && isFollowed) continue;
      isFollowed = false;
      const reason = error instanceof Error ? error.message : String(error);
      // Said once an outage.
      if (!lost) log({ level: "warning", event: "docker-lost", socket: socketPath, reason });
      lost = true;
    } finally {
      state.isCurrent = false;
      connection.abort();
    }
    await sleep(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt), signal);
    attempt += 1;
  }
}

/** Events are asked for before the list is, so that nothing falls between the two. Throws when the daemon goes away. */
async function follow(api: DockerApi, holders: Holders, listed: () => void): Promise<void> {
  const events = await api.stream(EVENTS_PATH);
  const running = parseIds(await api.get("/containers/json")).slice(0, MAX_CONTAINERS);
  for (const id of running) holders.see(await inspect(api, id));
  for (const id of holders.besides(running)) holders.miss(id, await inspect(api, id));
  listed();
  for await (const told of events) {
    const event = parseEvent(told);
    if (event?.ended) holders.end(event);
    else if (event) holders.see(await inspect(api, event.container), event.at);
  }
}

const inspect = async (api: DockerApi, id: string): Promise<Container | undefined> =>
  parseContainer(await api.get(`/containers/${encodeURIComponent(id)}/json`));

interface Holding {
  owner: Owner;
  /** Address → since when, epoch ms; undefined where nobody knows. */
  addresses: ReadonlyMap<string, number | undefined>;
  startedAt: number | undefined;
}

/** Who holds what, as far as the sink was told. */
class Holders {
  readonly #sink: OwnerSink;
  readonly #now: () => number;
  readonly #held = new Map<string, Holding>();

  constructor(sink: OwnerSink, { now }: DockerDeps) {
    this.#sink = sink;
    this.#now = now;
  }

  get size(): number {
    return this.#held.size;
  }

  listed(): void {
    this.#sink.listed?.();
  }

  /** Those held that are not among these. */
  besides(ids: readonly string[]): string[] {
    const known = new Set(ids);
    return [...this.#held.keys()].filter((id) => !known.has(id));
  }

  /** Takes what an inspection says; `at` is when something of it changed, undefined where nobody was there to see. */
  see(container: Container | undefined, at?: number): void {
    if (!container?.running) return;
    const { id, owner, startedAt } = container;
    const before = this.#sameRun(container);
    if (!before && this.#held.size >= MAX_CONTAINERS) return;
    const addresses = sinceWhen(container, before, at);
    this.#held.set(id, { owner, addresses, startedAt });
    for (const [address, since] of addresses) this.#sink.hold(address, owner, since);
    if (!before) return;
    for (const address of before.addresses.keys())
      if (!addresses.has(address)) this.#release(address, owner, at);
  }

  /** What it held before. Started again while nobody looked, it still tells when it ended. */
  #sameRun({ id, startedAt, finishedAt }: Container): Holding | undefined {
    const before = this.#held.get(id);
    if (!before || before.startedAt === startedAt) return before;
    this.#drop(id, finishedAt ?? startedAt);
    return undefined;
  }

  /** One that is no longer listed ended when the daemon says, or was last known to run. */
  miss(id: string, container: Container | undefined): void {
    this.#drop(id, container?.running === false ? container.finishedAt : undefined);
  }

  /** An end from before the last start was followed by that start. */
  end({ container, at }: DockerEvent): void {
    if (at >= (this.#held.get(container)?.startedAt ?? 0)) this.#drop(container, at);
  }

  #drop(id: string, until: number | undefined): void {
    const held = this.#held.get(id);
    if (held) for (const address of held.addresses.keys()) this.#release(address, held.owner, until);
    this.#held.delete(id);
  }

  #release(address: string, owner: Owner, until = this.#now()): void {
    this.#sink.release(address, owner, until);
  }
}

/** An address that was held keeps its start; one that a running container got now is held since then. */
function sinceWhen(
  { addresses, startedAt }: Container,
  before: Holding | undefined,
  at: number | undefined,
): Holding["addresses"] {
  const gained = before ? at : startedAt;
  return new Map(
    addresses.map((address) => [
      address,
      before?.addresses.has(address) ? before.addresses.get(address) : gained,
    ]),
  );
}
