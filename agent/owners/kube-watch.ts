import type { Log } from "../log.ts";
import { backoffMs, retryAfterMs } from "../retry.ts";
import { type KubeGet, KubeError } from "./kube-http.ts";
import { at, textAt } from "./kube-object.ts";
import { type KubeObjects, MAX_ADDRESSES, MAX_OBJECTS } from "./kube-objects.ts";
import type { Claimed } from "./kube-pods.ts";
import { jsonLines, JsonList, type ObjectSink } from "./kube-text.ts";

/** The API server tells a watch each minute how far it is, if nothing else: one that told nothing for so long may be dead. */
export const SILENCE_MS = 150_000;
/** Objects a page: a Pod is some 10 kB of JSON, so a page stays in the megabytes on the side of the server. */
const PAGE = 500;
/** A watch is renewed after five to ten minutes, as client-go does, so that a fleet does not come back in step. */
const SHORTEST_WATCH_S = 300;
/** A watch that ends sooner and brought nothing on would be asked for in a loop. */
const SHORTEST_SILENCE_MS = 60_000;
/** One that ends sooner was cut, whatever it told; client-go takes it for a failure, too. */
const SHORTEST_TERM_MS = 1_000;
/** Before anything is asked for again after a failure, however often the dice say at once. */
const LEAST_PAUSE_MS = 500;
/** How much longer than asked for a watch may take before its connection is taken for dead. */
const OVERTIME_MS = 30_000;
/** A page that takes longer than this will not come. */
const PAGE_DEADLINE_MS = 60_000;
/** A missing right comes with a change of the cluster role; asking often does not bring it. */
const FORBIDDEN_WAIT_MS = 60_000;
/** Pages of one list, 1,000,000 objects: a server whose list does not end is not followed for ever. */
const MAX_PAGES = 2_000;

/** One kind of objects to follow. */
export interface Resource {
  /** Plural name, as in a path and in a rule: "pods". */
  name: string;
  /** In the core group, such as "/api/v1/pods?fieldSelector=..."; with a query or none. */
  path: string;
  read(object: unknown, watchedAt: number | undefined): Claimed | undefined;
}

export interface Following {
  get: KubeGet;
  now: () => number;
  random: () => number;
  /** Resolves after so many ms, at once when the signal aborts; never rejects. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A signal that aborts after so many ms. */
  deadline: (ms: number) => AbortSignal;
  log: Log;
}

/** When a watch began, and from where it went on. */
interface Begin {
  at: number;
  version: string;
}

/** Lists and watches the objects of one kind, and again after whatever happens, until the signal aborts. */
export class KubeWatch {
  readonly #resource: Resource;
  readonly #objects: KubeObjects;
  readonly #with: Following;
  /** From where to watch; undefined where the objects are to be listed first. */
  #version: string | undefined;
  /** Failures since a watch last went well. */
  #failures = 0;
  /** What was complained about; not again until it is over. */
  #complaint: string | undefined;
  /** The first list may come from the server's cache: a fleet that starts at once would ask etcd for a thousand. */
  #fresh = false;
  /** When it last was sure to know all objects; undefined before the first list, and from a failure to the next word. */
  #heardAt: number | undefined;
  #unreadable = 0;
  #isFull = false;

  constructor(resource: Resource, objects: KubeObjects, following: Following) {
    this.#resource = resource;
    this.#objects = objects;
    this.#with = following;
  }

  /** Whether the objects are known as they were a moment ago. */
  isCurrent(): boolean {
    return this.#heardAt !== undefined && this.#with.now() - this.#heardAt <= SILENCE_MS;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pause = await this.#round(signal).catch((error: unknown) => this.#failed(error, signal));
      if (pause > 0 && !signal.aborted) await this.#with.wait(pause, signal);
    }
  }

  /** One list if need be, and one watch. The answer is how long to wait before the next. */
  async #round(signal: AbortSignal): Promise<number> {
    this.#version ??= await this.#list(signal);
    const begin = { at: this.#with.now(), version: this.#version };
    await this.#watch(begin, signal);
    const lasted = this.#with.now() - begin.at;
    if (lasted < SHORTEST_SILENCE_MS && !this.#isGettingOn(begin)) return this.#pause();
    this.#goesWell();
    return 0;
  }

  /** A watch that lasts, and by which the place to go on from moves: one that tells the same again and again does not. */
  #isGettingOn({ at, version }: Begin): boolean {
    return this.#version !== version && this.#with.now() - at >= SHORTEST_TERM_MS;
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { now, deadline, get } = this.#with;
    this.#objects.listing();
    let page: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const list = new JsonList(this.#sink((object) => this.#see(object, undefined)));
      await get(
        this.#pagePath(page),
        (chunk) => list.push(chunk),
        either(signal, deadline(PAGE_DEADLINE_MS)),
      );
      const frame = list.end();
      const version = textAt(frame, "metadata", "resourceVersion");
      if (version === undefined) throw new Error("the API server's answer is no list");
      page = textAt(frame, "metadata", "continue");
      if (page !== undefined) continue;
      this.#objects.listed(now());
      this.#heardAt = now();
      this.#fresh = true;
      return version;
    }
    throw new Error(`the list did not end after ${MAX_PAGES} pages`);
  }

  #pagePath(page: string | undefined): string {
    if (page !== undefined) return this.#path({ limit: `${PAGE}`, continue: page });
    return this.#path({ limit: `${PAGE}`, ...(!this.#fresh && { resourceVersion: "0" }) });
  }

  async #watch(begin: Begin, signal: AbortSignal): Promise<void> {
    const { random, deadline, get } = this.#with;
    const seconds = Math.floor(SHORTEST_WATCH_S * (1 + random()));
    const path = this.#path({
      watch: "1",
      resourceVersion: begin.version,
      allowWatchBookmarks: "true",
      timeoutSeconds: `${seconds}`,
    });
    const take = jsonLines(
      this.#sink((event) => {
        this.#take(event);
        this.#heardAt = this.#with.now();
        if (this.#isGettingOn(begin)) this.#goesWell();
      }),
    );
    await get(path, take, either(signal, deadline(seconds * 1000 + OVERTIME_MS)));
  }

  #take(event: unknown): void {
    const object = at(event, "object");
    const type = textAt(event, "type");
    if (type === "ERROR") {
      const code = at(object, "code");
      const message = textAt(object, "message") ?? "without a reason";
      throw new KubeError(typeof code === "number" ? code : 0, `the API server ended the watch: ${message}`);
    }
    const now = this.#with.now();
    if (type === "ADDED" || type === "MODIFIED") this.#see(object, now);
    else if (type === "DELETED") {
      const claimed = this.#resource.read(object, now);
      if (claimed) this.#objects.gone(claimed, now);
    }
    this.#version = textAt(object, "metadata", "resourceVersion") ?? this.#version;
  }

  #see(object: unknown, watchedAt: number | undefined): void {
    const claimed = this.#resource.read(object, watchedAt);
    if (!claimed) this.#skip();
    else if (!this.#objects.see(claimed, this.#with.now())) this.#leaveOut();
  }

  /** Said once a life: where there is no room for one, there is none for the many that follow. */
  #leaveOut(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#with.log({
      level: "warning",
      event: "kubernetes-objects-left-out",
      resource: this.#resource.name,
      message: `more than the agent remembers (${MAX_OBJECTS} objects, ${MAX_ADDRESSES} addresses each); addresses of the rest have no owner in the reports`,
    });
  }

  #sink(take: (value: unknown) => void): ObjectSink {
    return { take, unreadable: () => this.#skip() };
  }

  /** Said once a life: what is not understood now will not be later, and each of its changes comes this way. */
  #skip(): void {
    this.#unreadable += 1;
    if (this.#unreadable > 1) return;
    this.#with.log({
      level: "warning",
      event: "kubernetes-object-unreadable",
      resource: this.#resource.name,
      message: "an object was too long or not as expected; its address has no owner in the reports",
    });
  }

  #goesWell(): void {
    this.#failures = 0;
    if (this.#complaint === undefined) return;
    this.#complaint = undefined;
    this.#with.log({ level: "info", event: "kubernetes-watch-back", resource: this.#resource.name });
  }

  #failed(error: unknown, signal: AbortSignal): number {
    this.#heardAt = undefined;
    if (signal.aborted) return 0;
    const status = error instanceof KubeError ? error.status : 0;
    const asked = error instanceof KubeError ? retryAfterMs(error.retryAfter, this.#with.now()) : undefined;
    if (status === 410) {
      // The history that the watch was to go on from is no longer kept: ordinary after an outage, or a long silence.
      this.#version = undefined;
      const pause = this.#pause();
      return this.#failures === 1 ? 0 : pause;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.#complain(status, reason);
    const pause = status === 403 ? FORBIDDEN_WAIT_MS : this.#pause();
    return asked === undefined ? pause : Math.max(asked, LEAST_PAUSE_MS);
  }

  #complain(status: number, reason: string): void {
    const { name } = this.#resource;
    const kind = status > 0 ? `${status}` : reason;
    if (this.#complaint === kind) return;
    this.#complaint = kind;
    const remedy = remedyOf(status, name);
    this.#with.log({
      level: "warning",
      event: "kubernetes-watch-failed",
      resource: name,
      reason,
      ...(remedy && { remedy }),
    });
  }

  #pause(): number {
    const pause = LEAST_PAUSE_MS + backoffMs(this.#failures, this.#with.random);
    this.#failures += 1;
    return pause;
  }

  #path(query: Record<string, string>): string {
    const { path } = this.#resource;
    return `${path}${path.includes("?") ? "&" : "?"}${new URLSearchParams(query).toString()}`;
  }
}

const either = (a: AbortSignal, b: AbortSignal): AbortSignal => AbortSignal.any([a, b]);

function remedyOf(status: number, resource: string): string | undefined {
  if (status === 403)
    return `the cluster role of the agent's service account needs: apiGroups [""], resources ["${resource}"], verbs ["list", "watch"]`;
  if (status === 401)
    return "the API server does not take the service account's token; see that its volume is mounted and its file renewed";
  return undefined;
}
