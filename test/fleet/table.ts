import type { Entry } from "../../agent/conntrack/entry.ts";
import type { Window } from "../../agent/window.ts";
import type { Cluster, Route } from "./cluster.ts";
import { type Flow, FlowRow } from "./flows.ts";
import type { Life } from "./lives.ts";
import { poisson, type Random } from "./random.ts";
import { burst, rhythm } from "./rhythm.ts";

/** Ports a Pod's kernel chooses from, and from which masquerading takes them over where they are free. */
export const FIRST_PORT = 32_768;
export const EPHEMERAL = 28_232;
/** Flows of a Pod that is gone end within so long: nobody answers them any more. */
const LINGER_MS = 15_000;
/** Of a brief TCP flow, the part that is TIME_WAIT. */
const TIME_WAIT_SHARE = 0.4;
const UNREPLIED_SHARE = 0.004;

/** What takes the flows: the agent's summary, or nobody. */
export interface Watcher {
  dumped(entry: Entry): void;
  heard(entry: Entry, at: number): void;
}

/** How a flow is to begin; `lasts` in ms, of which `brief` ones close. */
export interface Opening {
  pod: Life;
  route: Route;
  peer: number;
  at: number;
  lasts: number;
  bytesPerSecond: number;
  port?: number;
  replied?: boolean;
  v6?: boolean;
}

export interface Counted {
  opened: number;
  closed: number;
  /** Flows there was no room for in the table. */
  full: number;
}

/** The kernel's table of one node. */
export class NodeTable {
  flows: Flow[] = [];
  counted: Counted = { opened: 0, closed: 0, full: 0 };
  /** Every flow behind NAT there ever was, where that is asked for. */
  readonly mapped: Flow[] | undefined;
  private readonly cluster: Cluster;
  private readonly nat: readonly number[];
  private readonly random: Random;
  private readonly row: FlowRow;
  private readonly watcher: Watcher;
  private ids = 0;
  private ports = 0;
  private to = 0;

  constructor(
    cluster: Cluster,
    node: number,
    { random, watcher, remember }: { random: Random; watcher: Watcher; remember: boolean },
  ) {
    this.cluster = cluster;
    this.nat = cluster.natAddresses(node);
    this.random = random;
    this.watcher = watcher;
    this.row = new FlowRow(cluster.spec.accounting);
    this.mapped = remember ? [] : undefined;
  }

  /** What follows is of this window. */
  begins(window: Window): void {
    this.to = window.to;
    this.counted = { opened: 0, closed: 0, full: 0 };
  }

  /** Ends the flows whose time has come. */
  end(): void {
    const { flows, to } = this;
    let kept = 0;
    for (const flow of flows) {
      if (flow.endsAt <= to) this.ended(flow);
      else {
        flows[kept] = flow;
        kept += 1;
      }
    }
    flows.length = kept;
  }

  /** What the Pods open by themselves in the window. */
  traffic(pods: readonly Life[], window: Window): void {
    const { shiftHours, tempo } = this.cluster.spec;
    const middle = (window.from + window.to) / 2;
    const busy = rhythm(middle, shiftHours) * burst(middle, this.cluster.seed) * tempo;
    for (const pod of pods) {
      const from = Math.max(window.from, pod.since);
      const span = Math.min(window.to, pod.until) - from;
      if (span > 0) this.trafficOf(pod, { from, span, busy });
    }
  }

  private trafficOf(pod: Life, { from, span, busy }: { from: number; span: number; busy: number }): void {
    const { random } = this;
    for (const { to, perMinute, lasts, bytesPerSecond } of pod.workload.talks) {
      const begins = poisson((perMinute / 60_000) * span * busy, random);
      const route = begins > 0 ? this.cluster.route(to, from) : undefined;
      if (!route) continue;
      for (let i = 0; i < begins; i += 1)
        this.open({
          pod,
          route,
          peer: route.peers[Math.floor(random() * route.peers.length)]!,
          at: Math.floor(from + random() * span),
          lasts: lasts * 1_000 * (0.5 + random()),
          bytesPerSecond,
        });
    }
  }

  /** The flows that a Pod keeps for as long as it lives. */
  keep(pod: Life, at: number): void {
    for (const { to, kept, bytesPerSecond } of pod.workload.talks) {
      const route = kept > 0 ? this.cluster.route(to, at) : undefined;
      if (!route) continue;
      for (let i = 0; i < kept; i += 1) {
        const peer = route.peers[(pod.slot + i) % route.peers.length]!;
        this.open({ pod, route, peer, at, lasts: Number.POSITIVE_INFINITY, bytesPerSecond });
      }
    }
  }

  /** False where the table is full. */
  open(opening: Opening): boolean {
    const { pod, route, at, lasts } = opening;
    if (this.flows.length >= this.cluster.spec.tableMax) {
      this.counted.full += 1;
      return false;
    }
    const { random } = this;
    this.ids += 1;
    this.ports = (this.ports + 1) % EPHEMERAL;
    const endsAt = Math.round(Math.min(at + lasts, pod.until + random() * LINGER_MS));
    const own = pod.workload.hostNetwork === true;
    const flow: Flow = {
      pod,
      route,
      peer: opening.peer,
      nat: route.outside && !own ? this.nat[pod.slot % this.nat.length]! : 0,
      v6: opening.v6 ?? (route.dual && random() < this.cluster.spec.ipv6Share),
      port: opening.port ?? FIRST_PORT + this.ports,
      id: this.ids,
      beganAt: at,
      closesAt: lasts === Number.POSITIVE_INFINITY ? lasts : at + lasts * (1 - TIME_WAIT_SHARE),
      endsAt,
      replied: opening.replied ?? random() >= UNREPLIED_SHARE,
      bytesPerSecond: opening.bytesPerSecond,
    };
    this.counted.opened += 1;
    if (flow.nat !== 0) this.mapped?.push(flow);
    this.watcher.heard(this.row.of(flow, "new", at), at);
    if (endsAt <= this.to) this.ended(flow);
    else this.flows.push(flow);
    return true;
  }

  dump(at: number): void {
    for (const flow of this.flows) this.watcher.dumped(this.row.of(flow, "none", at));
  }

  /** Nothing happened for so long: whoever was there is there still, as far as its Pod is. */
  skip(ms: number): void {
    for (const flow of this.flows) {
      const lasted = flow.endsAt - flow.beganAt;
      flow.beganAt += ms;
      flow.closesAt += ms;
      flow.endsAt = Math.min(flow.beganAt + lasted, flow.pod.until);
    }
  }

  private ended(flow: Flow): void {
    this.counted.closed += 1;
    this.watcher.heard(this.row.of(flow, "destroy", flow.endsAt), flow.endsAt);
  }
}
