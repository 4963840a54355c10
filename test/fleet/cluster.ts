import { formatAddress } from "../../agent/conntrack/address.ts";
import type { Owner } from "../../agent/owners/owner.ts";
import { type Life, NodeLives } from "./lives.ts";
import { chance, seedOf } from "./random.ts";
import type { ClusterSpec } from "./spec.ts";
import { SHOP_WORKLOADS, type Workload } from "./workloads.ts";

export const DEFAULTS = {
  pods: 40,
  workloads: SHOP_WORKLOADS,
  tempo: 1,
  shiftHours: 0,
  accounting: false,
  events: "complete",
  ipv6Share: 0,
  natAddresses: 1,
  kubeProxy: "iptables",
  tableMax: 131_072,
} as const;

/** Each cluster has a 16th of 10/8 and of 172.16/12 for itself, which is room for as many nodes. */
export const MAX_CLUSTERS = 8;
export const MAX_NODES = 4_096;
/** Backends of a Service are looked for on the first nodes of a cluster. */
const BACKEND_NODES = 8;
/** Endpoints are looked up anew this often, as a proxy is told of changes. */
const ENDPOINTS_MS = 60_000;
const WEB_SERVERS = 40;

/** Where flows go: through a Service or straight, and whether the node puts its own address in place of the Pod's. */
export interface Route {
  protocol: 6 | 17;
  /** Address and port that are dialled where that is not the peer's own. */
  service: number;
  servicePort: number;
  port: number;
  outside: boolean;
  peers: readonly number[];
  /** Has addresses of both families. */
  dual: boolean;
}

/** A ULA network (RFC 4193) for what is inside. */
const INSIDE_V6 = 0xfd00c0de | 0;

const ip = (a: number, b: number, c: number, d: number): number => (a << 24) | (b << 16) | (c << 8) | d;
export const textOf = (address: number): string => formatAddress([address], 0, 4);

/** The words of a Pod's or node's IPv6 address. */
export const insideV6 = (address: number): number[] => [INSIDE_V6, 0, 0, address];

/** What all nodes of a cluster share. Addresses are words as of Entry. */
export class Cluster {
  readonly spec: Required<ClusterSpec>;
  readonly index: number;
  readonly seed: number;
  readonly from: number;
  private readonly known = new Map<number, NodeLives>();
  private readonly endpoints = new Map<string, { at: number; route: Route | undefined }>();

  constructor(spec: ClusterSpec, index: number, { seed, from }: { seed: number; from: number }) {
    if (index >= MAX_CLUSTERS) throw new RangeError(`a fleet has at most ${MAX_CLUSTERS} clusters`);
    if (spec.nodes > MAX_NODES) throw new RangeError(`a cluster has at most ${MAX_NODES} nodes`);
    this.spec = { ...DEFAULTS, ...spec };
    this.index = index;
    this.seed = seedOf(seed, spec.name);
    this.from = from;
  }

  nodeName(node: number): string {
    return `${this.spec.name}-node-${String(node + 1).padStart(2, "0")}`;
  }

  nodeAddress(node: number): number {
    return ip(172, 16 + this.index, node >> 7, 10 + (node & 127));
  }

  /** What flows out of the cluster get for a source: the node's own address, and a second one where it has two. */
  natAddresses(node: number): number[] {
    const own = this.nodeAddress(node);
    return this.spec.natAddresses === 1
      ? [own]
      : [own, ip(172, 16 + this.index, 128 + (node >> 7), 10 + (node & 127))];
  }

  lives(node: number): NodeLives {
    const known = this.known.get(node);
    if (known) return known;
    const { seed, spec, from } = this;
    const lives = new NodeLives({
      seed,
      cluster: spec.name,
      node,
      address: this.nodeAddress(node),
      podNetwork: ip(10, 16 * this.index + (node >> 8), node & 255, 0),
      workloads: spec.workloads,
      pods: spec.pods,
      from,
    });
    this.known.set(node, lives);
    return lives;
  }

  /** Undefined where nothing serves it. */
  route(to: string, at: number): Route | undefined {
    const slot = Math.floor(at / ENDPOINTS_MS);
    const known = this.endpoints.get(to);
    if (known?.at === slot) return known.route;
    const route = this.outsideRoute(to) ?? this.serviceRoute(to, slot * ENDPOINTS_MS);
    this.endpoints.set(to, { at: slot, route });
    return route;
  }

  /** What a node says of itself. */
  wordsOf(node: number): { name: string; agent: string; kernel: string; addresses: string[] } {
    const addresses = this.natAddresses(node).map(textOf);
    return { name: this.nodeName(node), agent: "0.1.0", kernel: "6.8.0-45-generic", addresses };
  }

  /** Those that a Pod has to itself. */
  addressesOf({ workload, text, address }: Life): string[] {
    if (workload.hostNetwork) return [];
    return this.spec.ipv6Share > 0 ? [text, formatAddress(insideV6(address), 0, 6)] : [text];
  }

  /** Services with their addresses. */
  services(): { address: string; owner: Owner }[] {
    const inside = this.spec.workloads.filter(({ serves }) => serves);
    return [
      {
        address: textOf(this.serviceAddress("api-server")),
        owner: this.serviceOwner("default", "kubernetes"),
      },
      ...inside.map(({ namespace, name }) => ({
        address: textOf(this.serviceAddress(name)),
        owner: this.serviceOwner(namespace, name),
      })),
    ];
  }

  private serviceOwner(namespace: string, name: string): Owner {
    const uid = `${(seedOf(this.seed, namespace, name) >>> 0).toString(16).padStart(8, "0")}-4f1e-49c2-a000-000000000000`;
    return { kind: "service", namespace, name, uid };
  }

  private serviceAddress(name: string): number {
    const at = this.spec.workloads.findIndex((workload) => workload.name === name);
    return ip(10, 200 + this.index, 0, at < 0 ? 1 : 10 + at);
  }

  private outsideRoute(to: string): Route | undefined {
    const tcp = { protocol: 6, service: 0, servicePort: 0, outside: true, dual: false } as const;
    const { index } = this;
    if (to === "database") return { ...tcp, port: 5432, peers: [ip(203, 0, 113, 20 + index)] };
    if (to === "resolver") return { ...tcp, protocol: 17, port: 53, peers: [ip(203, 0, 113, 2)] };
    if (to === "web") {
      const peers = Array.from({ length: WEB_SERVERS }, (_, server) => ip(198, 51, 100, 10 + server));
      return { ...tcp, port: 443, peers, dual: true };
    }
    if (to !== "api-server") return undefined;
    const service = this.serviceAddress(to);
    const peers = [0, 1, 2].map((server) => ip(172, 16 + index, 255, 1 + server));
    return { ...tcp, service, servicePort: 443, port: 6443, peers };
  }

  private serviceRoute(to: string, at: number): Route | undefined {
    const workload = this.spec.workloads.find(({ name }) => name === to);
    if (!workload?.serves) return undefined;
    const { protocol, port } = workload.serves;
    const peers = this.backends(workload, at);
    if (peers.length === 0) return undefined;
    const service = this.serviceAddress(to);
    return { protocol, service, servicePort: port, port, outside: false, peers, dual: false };
  }

  private backends(workload: Workload, at: number): number[] {
    const nodes = Math.min(this.spec.nodes, workload.nodes ?? BACKEND_NODES, BACKEND_NODES);
    return Array.from({ length: nodes }, (_, node) => node).flatMap((node) =>
      this.lives(node)
        .alive(at)
        .filter((life) => life.workload === workload && at - life.since > ENDPOINTS_MS / 2)
        .map(({ address }) => address),
    );
  }

  /** What the node is set to, without its drifts. */
  sysctls(node: number): Record<string, string> {
    const { tableMax, accounting } = this.spec;
    // Some nodes of every fleet were set up by hand.
    const timeout = chance(this.seed, node, "timeout") < 0.1 ? "86400" : "432000";
    return {
      "net.core.rmem_default": "212992",
      "net.core.rmem_max": "212992",
      "net.ipv4.ip_local_port_range": "32768 60999",
      "net.ipv4.tcp_keepalive_time": "7200",
      "net.netfilter.nf_conntrack_acct": accounting ? "1" : "0",
      "net.netfilter.nf_conntrack_buckets": String(tableMax),
      "net.netfilter.nf_conntrack_checksum": "1",
      "net.netfilter.nf_conntrack_events": "2",
      "net.netfilter.nf_conntrack_generic_timeout": "600",
      "net.netfilter.nf_conntrack_icmp_timeout": "30",
      "net.netfilter.nf_conntrack_log_invalid": "0",
      "net.netfilter.nf_conntrack_max": String(tableMax),
      "net.netfilter.nf_conntrack_tcp_be_liberal": "0",
      "net.netfilter.nf_conntrack_tcp_loose": "1",
      "net.netfilter.nf_conntrack_tcp_max_retrans": "3",
      "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600",
      "net.netfilter.nf_conntrack_tcp_timeout_established": timeout,
      "net.netfilter.nf_conntrack_tcp_timeout_syn_sent": "120",
      "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "120",
      "net.netfilter.nf_conntrack_timestamp": "0",
      "net.netfilter.nf_conntrack_udp_timeout": "30",
      "net.netfilter.nf_conntrack_udp_timeout_stream": "120",
      "nf_conntrack.hashsize": String(tableMax),
    };
  }
}
