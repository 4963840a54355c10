import type { Window } from "../../agent/window.ts";
import type { Report } from "../../api/wire.ts";
import { Cluster, textOf } from "./cluster.ts";
import type { Flow } from "./flows.ts";
import type { Life } from "./lives.ts";
import { type Model, SimulatedNode } from "./node.ts";
import type { FleetOptions, Truth } from "./spec.ts";
import { Trouble } from "./trouble.ts";

export interface Simulated {
  cluster: string;
  report: Report;
  model: Model;
}

/** Which windows of which nodes: all, or those of some clusters or of one node of each. */
export interface Asked {
  from: number;
  to: number;
  intervalMs: number;
  clusters?: readonly string[];
  /** Index of the node. */
  node?: number;
}

/** A NAT mapping, as whoever sees it from outside would ask. */
export interface Mapping {
  natAddress: string;
  natPort: number;
  protocol: number;
  peer: string;
  peerPort: number;
  at: number;
}

/** Clusters of simulated nodes. All that happens follows from the seed, the specs and the windows asked for. */
export class Fleet {
  readonly seed: number;
  readonly truth: readonly Truth[];
  readonly clusters: readonly Cluster[];
  private readonly nodes = new Map<string, SimulatedNode>();
  private readonly trouble: readonly Trouble[];
  private readonly remember: boolean;

  constructor({ seed, from, clusters, trouble = [], remember = false }: FleetOptions) {
    this.seed = seed;
    this.remember = remember;
    this.clusters = clusters.map((spec, index) => new Cluster(spec, index, { seed, from }));
    this.trouble = trouble.map((spec) => new Trouble(spec, this.cluster(spec.cluster)));
    this.truth = this.trouble.map((trouble) => trouble.truth());
  }

  /** In the order of time, of one window in the order of clusters and nodes. Each call goes on where the last one ended, or later. */
  *reports({ from, to, intervalMs, clusters, node }: Asked): Generator<Simulated> {
    const asked = this.clusters.filter(({ spec }) => clusters?.includes(spec.name) ?? true);
    for (let at = from; at + intervalMs <= to; at += intervalMs)
      for (const cluster of asked) yield* this.ofCluster(cluster, { from: at, to: at + intervalMs }, node);
  }

  private *ofCluster(cluster: Cluster, window: Window, only: number | undefined): Generator<Simulated> {
    const [first, last] = only === undefined ? [0, cluster.spec.nodes - 1] : [only, only];
    for (let index = first; index <= last; index += 1) {
      const made = this.node(cluster, index).window(window);
      if (made) yield { cluster: cluster.spec.name, ...made };
    }
  }

  /** The Pod that held an address of its node's network then. */
  whoHeld(cluster: string, node: number, address: string, at: number): Life | undefined {
    return this.cluster(cluster)
      .lives(node)
      .alive(at)
      .find((life) => life.text === address && !life.workload.hostNetwork);
  }

  /** The Pod behind a NAT mapping; only where the fleet was told to remember, and as far as windows were asked for without gaps. */
  leaseOf(cluster: string, node: number, mapping: Mapping): Life | undefined {
    const held = (flow: Flow) =>
      flow.port === mapping.natPort &&
      flow.beganAt <= mapping.at &&
      mapping.at < flow.endsAt &&
      !flow.v6 &&
      flow.route.protocol === mapping.protocol &&
      flow.route.port === mapping.peerPort &&
      textOf(flow.peer) === mapping.peer &&
      textOf(flow.nat) === mapping.natAddress;
    return this.node(this.cluster(cluster), node).table.mapped?.find(held)?.pod;
  }

  /** Every flow behind NAT there was on a node, in the order of their beginnings; with the same bounds. */
  mapped(cluster: string, node: number): readonly Flow[] {
    return this.node(this.cluster(cluster), node).table.mapped ?? [];
  }

  cluster(name: string): Cluster {
    const cluster = this.clusters.find(({ spec }) => spec.name === name);
    if (!cluster) throw new RangeError(`there is no cluster ${name} in this fleet`);
    return cluster;
  }

  private node(cluster: Cluster, index: number): SimulatedNode {
    const key = `${cluster.spec.name}/${index}`;
    const known = this.nodes.get(key);
    if (known) return known;
    const trouble = this.trouble.filter(
      ({ spec }) => spec.cluster === cluster.spec.name && spec.node === index,
    );
    const node = new SimulatedNode(cluster, index, { trouble, remember: this.remember });
    this.nodes.set(key, node);
    return node;
  }
}
