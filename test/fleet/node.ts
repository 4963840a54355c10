import { timeoutsOf } from "../../agent/host/sysctls.ts";
import { OwnerBook } from "../../agent/owners/book.ts";
import { Summary } from "../../agent/summary/summary.ts";
import type { Window } from "../../agent/window.ts";
import type { Completeness, Counters, Report } from "../../api/wire.ts";
import { type Cluster, textOf } from "./cluster.ts";
import type { Life } from "./lives.ts";
import { poisson, type Random, seeded, seedOf } from "./random.ts";
import { NodeTable, type Watcher } from "./table.ts";
import type { Failures, Trouble } from "./trouble.ts";

const KEYFRAME_MS = 600_000;
const LOSSY_WINDOWS = 0.2;
const LOST_EVENTS = 0.03;
/** Reports are numbered by the seconds since the boot at least, so that an agent that begins anew repeats no number. */
const SECOND_MS = 1_000;

/** What was really so, beside what the agent says of it. */
export interface Model {
  entries: number;
  opened: number;
  closed: number;
}

/** One node with its agent: windows in, reports out, made by the agent's own summary and book of owners. */
export class SimulatedNode implements Watcher {
  readonly table: NodeTable;
  private readonly cluster: Cluster;
  private readonly index: number;
  private readonly trouble: readonly Trouble[];
  private readonly random: Random;
  private summary!: Summary;
  private owners!: OwnerBook;
  private pods: Life[] = [];
  /** How many of the node's lives were taken up. */
  private met = 0;
  private now: number | undefined;
  private bootedAt = 0;
  private sequence = 1;
  private keyframeAt = Number.NEGATIVE_INFINITY;
  private told = "";
  private lossy = false;
  private silent = false;
  /** What begins before the agent listens is no event for it. */
  private starting = false;
  private failures: Failures = { insertFailed: 0, drop: 0, clashResolve: 0 };

  constructor(
    cluster: Cluster,
    index: number,
    { trouble, remember }: { trouble: readonly Trouble[]; remember: boolean },
  ) {
    this.cluster = cluster;
    this.index = index;
    this.trouble = trouble;
    this.random = seeded(seedOf(cluster.seed, index, "traffic"));
    this.table = new NodeTable(cluster, index, { random: this.random, watcher: this, remember });
  }

  dumped = (entry: Parameters<Watcher["dumped"]>[0]): void => this.summary.add(entry);

  heard: Watcher["heard"] = (entry, at) => {
    if (this.starting || this.cluster.spec.events === "off") return;
    if (this.lossy && this.random() < LOST_EVENTS) return;
    this.summary.event(entry, at);
  };

  /** Undefined while the node is silent. Windows are to follow each other; what lies between two is skipped. */
  window(window: Window): { report: Report; model: Model } | undefined {
    if (this.trouble.some((trouble) => trouble.silences && trouble.isOn(window))) {
      this.silent = true;
      return undefined;
    }
    if (this.now === undefined || this.silent) this.begins(window.from);
    else if (this.now < window.from) this.table.skip(window.from - this.now);
    this.now = window.to;
    const sysctls = this.sysctls(window);
    const { events } = this.cluster.spec;
    this.lossy = events === "lossy" && this.random() < LOSSY_WINDOWS;
    this.summary.configure({ eventsOn: events !== "off", timeouts: timeoutsOf(sysctls) });
    const keyframe = window.to - this.keyframeAt >= KEYFRAME_MS;
    if (keyframe) {
      this.keyframeAt = window.to;
      this.summary.keyframeDue();
    }
    this.live(window);
    if (this.lossy) this.summary.lost();
    this.dump(window.to);
    const model = { entries: this.table.flows.length, ...this.table.counted };
    return { report: this.report(window, keyframe, sysctls), model };
  }

  /** Nothing of its table is left, and its agent begins anew. A node that comes back from silence was booted. */
  private begins(at: number): void {
    this.silent = false;
    const silences = this.trouble.filter(({ silences, spec }) => silences && spec.to <= at);
    this.bootedAt = Math.max(this.cluster.from, ...silences.map(({ spec }) => spec.to));
    this.sequence = 1 + Math.floor((at - this.bootedAt) / SECOND_MS);
    this.keyframeAt = Number.NEGATIVE_INFINITY;
    this.told = "";
    this.summary = new Summary();
    this.owners = new OwnerBook("kubernetes");
    this.table.flows = [];
    this.pods = [];
    const { cluster, index, owners } = this;
    const lives = cluster.lives(index);
    const alive = lives.alive(at);
    this.met = lives.lives.findIndex(({ since }) => since > at);
    if (this.met < 0) this.met = lives.lives.length;
    owners.hold(textOf(cluster.nodeAddress(index)), { kind: "host", name: cluster.nodeName(index) });
    for (const { address, owner } of cluster.services()) owners.hold(address, owner);
    this.starting = true;
    this.table.begins({ from: at, to: at });
    for (const pod of alive) this.begin(pod, at);
    this.starting = false;
    this.dump(at);
  }

  private begin(pod: Life, at: number): void {
    this.pods.push(pod);
    this.table.keep(pod, Math.max(at, pod.since));
    for (const address of this.cluster.addressesOf(pod)) this.owners.hold(address, pod.owner, pod.since);
  }

  /** All that happens in the window. */
  private live(window: Window): void {
    const { table } = this;
    table.begins(window);
    table.end();
    const lives = this.cluster.lives(this.index);
    lives.through(window.to - 1);
    for (; (lives.lives[this.met]?.since ?? window.to) < window.to; this.met += 1) {
      const pod = lives.lives[this.met]!;
      if (pod.until > window.from) this.begin(pod, window.from);
    }
    table.traffic(this.pods, window);
    this.failures = { insertFailed: 0, drop: 0, clashResolve: 0 };
    for (const trouble of this.trouble) {
      const failed = trouble.cause(table, this.pods, { window, random: this.random });
      for (const name of ["insertFailed", "drop", "clashResolve"] as const)
        this.failures[name] += failed[name];
    }
    this.pods = this.pods.filter((pod) => this.stays(pod, window.to));
  }

  private stays(pod: Life, at: number): boolean {
    if (pod.until > at) return true;
    for (const address of this.cluster.addressesOf(pod)) this.owners.release(address, pod.owner, pod.until);
    return false;
  }

  private dump(at: number): void {
    this.summary.dumpBegins(at);
    this.table.dump(at);
    this.summary.dumpEnds(true);
  }

  private sysctls(window: Window): Record<string, string> {
    const own = this.cluster.sysctls(this.index);
    for (const trouble of this.trouble) {
      const { kind, sysctl } = trouble.spec;
      if (kind === "sysctl-drift" && sysctl && trouble.isOn(window)) own[sysctl[0]] = sysctl[1];
    }
    return own;
  }

  private report(window: Window, keyframe: boolean, sysctls: Record<string, string>): Report {
    const { counts, flows, ages, leases, keyframe: part, ports, ...rest } = this.summary.take(window);
    const met = new Set(flows?.addresses);
    const owners = this.owners.report(window, keyframe, (address) => met.has(address));
    const { tableMax } = this.cluster.spec;
    const host = this.host(keyframe, sysctls);
    const count = this.table.flows.length;
    return {
      node: this.identity(),
      sequence: this.sequence++,
      window,
      completeness: this.completeness(rest),
      table: { count, max: tableMax, buckets: tableMax },
      ...(counts && { dump: { ...counts, durationMs: 1 + Math.round(count / 30_000) } }),
      ...(flows && { flows }),
      ...(keyframe && ages && { ages }),
      ...(leases && { leases }),
      ...(part && { keyframe: part }),
      ...(ports && { ports }),
      ...(owners && { owners }),
      counters: this.counters(window),
      ...(host && { host }),
      self: { cpuMs: 20 + Math.round(count / 500), rssBytes: 78_413_824, waiting: 0 },
    };
  }

  private identity(): Report["node"] {
    const { cluster, index, bootedAt } = this;
    const word = (seedOf(cluster.seed, index, bootedAt) >>> 0).toString(16).padStart(8, "0");
    return { ...cluster.wordsOf(index), bootId: `${word}-0c2b-4f7e-9a59-${word}0001` };
  }

  private completeness({
    opened,
    ...counts
  }: Pick<ReturnType<Summary["take"]>, "untracked" | "older" | "forgotten" | "opened">): Completeness {
    const { events } = this.cluster.spec;
    return {
      source: "netlink",
      events: events === "off" ? "off" : this.lossy ? "lossy" : "complete",
      blind: [],
      ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      ...(this.lossy && { overruns: 1 }),
      ...(opened && { opened }),
    };
  }

  private counters({ from, to }: Window): Counters {
    const { failures, random, table } = this;
    const seconds = (to - from) / 1_000;
    const { full, opened } = table.counted;
    return {
      elapsedMs: to - from,
      statistics: {
        found: poisson(opened * 0.01, random),
        invalid: poisson(seconds * 0.02, random),
        insertFailed: failures.insertFailed,
        drop: failures.drop + full,
        earlyDrop: 0,
        error: 0,
        searchRestart: 0,
        clashResolve: failures.clashResolve,
        chainTooLong: 0,
      },
      // The kernel writes at most ten such lines in five seconds.
      log: {
        tableFull: Math.min(full, Math.ceil(seconds * 2)),
        tableFullElsewhere: 0,
        invalid: [],
        missed: 0,
      },
    };
  }

  private host(keyframe: boolean, sysctls: Record<string, string>): Report["host"] {
    const now = JSON.stringify(sysctls);
    if (!keyframe && now === this.told) return undefined;
    this.told = now;
    return { sysctls, cores: 8, memoryBytes: 2 ** 35, kubeProxy: this.cluster.spec.kubeProxy, unread: [] };
  }
}
