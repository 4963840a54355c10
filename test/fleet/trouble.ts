import type { Window } from "../../agent/window.ts";
import { type Cluster, type Route, textOf } from "./cluster.ts";
import type { Life } from "./lives.ts";
import type { Random } from "./random.ts";
import type { TroubleSpec, Truth } from "./spec.ts";
import { EPHEMERAL, FIRST_PORT, type NodeTable } from "./table.ts";

const FLOOD_RATE = 120;
const HALF_OPEN_RATE = 40;
const DNS_RATE = 30;
const SYN_SENT_MS = 120_000;
/** A leak has filled the table after this part of its time; the rest of it shows what a full table does. */
const FILLED_AFTER = 0.8;
const LEAK_PEERS = 8;
/** A client of an exhausted peer tries again so often in a second. */
const RETRIES = 5;

/** What trouble adds to the statistics of the kernel. */
export interface Failures {
  insertFailed: number;
  drop: number;
  clashResolve: number;
}

const peerOf = (last: number): number => (203 << 24) | (113 << 8) | last;
const outside = (last: number, port: number): Route => ({
  protocol: 6,
  service: 0,
  servicePort: 0,
  port,
  outside: true,
  peers: [peerOf(last)],
  dual: false,
});
const FLOODED = outside(99, 443);
const EXHAUSTED = outside(50, 5432);
const DEAD = outside(66, 8443);
/** Of a leak, so many that ports do not run out before the table is full. */
const LEAKED: Route = {
  ...outside(0, 9200),
  peers: Array.from({ length: LEAK_PEERS }, (_, at) => peerOf(200 + at)),
};
const ROUTES = {
  "snat-flood": FLOODED,
  "ports-exhausted": EXHAUSTED,
  "half-open": DEAD,
  "table-leak": LEAKED,
} as const;

/** One script of trouble on its node. */
export class Trouble {
  readonly spec: TroubleSpec;
  private readonly cluster: Cluster;
  private readonly slot: number;
  private opened = 0;

  constructor(spec: TroubleSpec, cluster: Cluster) {
    this.spec = spec;
    this.cluster = cluster;
    const suspects = cluster
      .lives(spec.node)
      .alive(spec.from)
      .filter(({ workload }) => workload.kind === "Deployment" && workload.nodes === undefined);
    // The workload with the most Pods: one among many is what is hard to find.
    this.slot = suspects[Math.floor(suspects.length / 2)]?.slot ?? 0;
  }

  get silences(): boolean {
    return this.spec.kind === "silent-node";
  }

  isOn({ from, to }: Window): boolean {
    return from < this.spec.to && to > this.spec.from;
  }

  truth(): Truth {
    const { kind, cluster, node, from, to, sysctl } = this.spec;
    const lives = this.cluster.lives(node);
    lives.through(to);
    const blameless = kind === "silent-node" || kind === "sysctl-drift";
    const culprits = lives.lives.filter(
      (life) => !blameless && life.slot === this.slot && life.since < to && life.until > from,
    );
    const route = kind in ROUTES ? ROUTES[kind as keyof typeof ROUTES] : undefined;
    return {
      kind,
      cluster,
      node: this.cluster.nodeName(node),
      from,
      to,
      pods: culprits.map(({ owner, workload, since, until }) => ({
        namespace: owner.namespace ?? "",
        name: owner.name,
        workload: workload.name,
        since,
        until,
      })),
      ...(route?.peers.length === 1 && { peer: textOf(route.peers[0]!), peerPort: route.port }),
      ...(sysctl && { sysctl }),
    };
  }

  /** Opens what the culprit opens in the window, and says what of it failed. */
  cause(table: NodeTable, pods: readonly Life[], of: { window: Window; random: Random }): Failures {
    const failures = { insertFailed: 0, drop: 0, clashResolve: 0 };
    const from = Math.max(of.window.from, this.spec.from);
    const span = Math.min(of.window.to, this.spec.to) - from;
    const pod = pods.findLast(
      ({ slot, since, until }) => slot === this.slot && since <= from && until > from,
    );
    if (!pod || span <= 0) return failures;
    const seconds = span / 1_000;
    const at = () => Math.floor(from + of.random() * span);
    const { kind, rate } = this.spec;
    if (kind === "snat-flood") this.flood(table, pod, { at, count: (rate ?? FLOOD_RATE) * seconds });
    if (kind === "half-open") this.halfOpen(table, pod, { at, count: (rate ?? HALF_OPEN_RATE) * seconds });
    if (kind === "table-leak") this.leak(table, pod, { at, to: from + span });
    if (kind === "ports-exhausted") this.exhaust(table, pod, { at, to: from + span, seconds, failures });
    if (kind === "dns-race") this.race(table, pod, { at, count: (rate ?? DNS_RATE) * seconds, failures });
    return failures;
  }

  private flood(table: NodeTable, pod: Life, { at, count }: { at: () => number; count: number }): void {
    for (let i = 0; i < count; i += 1)
      table.open({
        pod,
        route: FLOODED,
        peer: FLOODED.peers[0]!,
        at: at(),
        lasts: 20_000,
        bytesPerSecond: 200,
      });
  }

  private halfOpen(table: NodeTable, pod: Life, { at, count }: { at: () => number; count: number }): void {
    const dead = { pod, route: DEAD, peer: DEAD.peers[0]!, replied: false, bytesPerSecond: 0 };
    for (let i = 0; i < count; i += 1) table.open({ ...dead, at: at(), lasts: SYN_SENT_MS });
  }

  private leak(table: NodeTable, pod: Life, { at, to }: { at: () => number; to: number }): void {
    const { spec } = this;
    const wanted = this.cluster.spec.tableMax / (FILLED_AFTER * (spec.to - spec.from));
    for (; this.opened < wanted * (to - spec.from); this.opened += 1) {
      const turn = Math.floor(this.opened / LEAK_PEERS) % EPHEMERAL;
      const peer = LEAKED.peers[this.opened % LEAK_PEERS]!;
      const port = FIRST_PORT + turn;
      const began = at();
      table.open({ pod, route: LEAKED, peer, at: began, lasts: spec.to - began, port, bytesPerSecond: 5 });
    }
  }

  private exhaust(
    table: NodeTable,
    pod: Life,
    { at, to, seconds, failures }: { at: () => number; to: number; seconds: number; failures: Failures },
  ): void {
    const { spec } = this;
    const ports = Math.min(spec.ports ?? EPHEMERAL, EPHEMERAL);
    const wanted = (ports / (FILLED_AFTER * (spec.to - spec.from))) * (to - spec.from);
    for (; this.opened < Math.min(wanted, ports); this.opened += 1) {
      const began = at();
      const port = FIRST_PORT + this.opened;
      const peer = EXHAUSTED.peers[0]!;
      table.open({
        pod,
        route: EXHAUSTED,
        peer,
        at: began,
        lasts: spec.to - began,
        port,
        bytesPerSecond: 50,
      });
    }
    if (this.opened < ports) return;
    // No free port: the packet is dropped, and the entry is not inserted.
    const tries = Math.round(RETRIES * seconds);
    failures.insertFailed += tries;
    failures.drop += tries;
  }

  private race(
    table: NodeTable,
    pod: Life,
    { at, count, failures }: { at: () => number; count: number; failures: Failures },
  ): void {
    const route = this.cluster.route("kube-dns", this.spec.from);
    if (!route) return;
    for (let i = 0; i < count; i += 1) {
      const peer = route.peers[i % route.peers.length]!;
      table.open({ pod, route, peer, at: at(), lasts: 30_000, bytesPerSecond: 10 });
    }
    // A and AAAA are asked from one socket at once: most such races the kernel resolves, some packets are lost.
    failures.clashResolve += Math.round(count * 0.2);
    failures.insertFailed += Math.round(count * 0.04);
  }
}
