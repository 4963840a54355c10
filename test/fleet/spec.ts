import type { Workload } from "./workloads.ts";

/** What a cluster is like; what is left out is as DEFAULTS of cluster.ts has it. */
export interface ClusterSpec {
  name: string;
  nodes: number;
  /** Of each node. */
  pods?: number;
  workloads?: readonly Workload[];
  /** Openings against those of the catalogue. */
  tempo?: number;
  /** By so many hours its day is later than that of UTC; half a day makes nights of work. */
  shiftHours?: number;
  /** Whether the kernel counts bytes and packets (nf_conntrack_acct). */
  accounting?: boolean;
  events?: "complete" | "lossy" | "off";
  /** Of the flows that leave the cluster. */
  ipv6Share?: number;
  natAddresses?: 1 | 2;
  kubeProxy?: "iptables" | "nftables" | "ipvs";
  /** net.netfilter.nf_conntrack_max. */
  tableMax?: number;
}

export const TROUBLES = [
  "snat-flood",
  "table-leak",
  "ports-exhausted",
  "half-open",
  "silent-node",
  "sysctl-drift",
  "dns-race",
] as const;
export type TroubleKind = (typeof TROUBLES)[number];

/** Something that goes wrong on one node in [from, to), epoch ms. */
export interface TroubleSpec {
  kind: TroubleKind;
  cluster: string;
  /** Index of the node. */
  node: number;
  from: number;
  to: number;
  /** Flows a second, of those that have a rate. */
  rate?: number;
  /** Ports there are towards the one peer of `ports-exhausted`. */
  ports?: number;
  /** The setting that drifts and its value. */
  sysctl?: readonly [name: string, value: string];
}

/** What was really wrong: what detectors and answers are held against. */
export interface Truth {
  kind: TroubleKind;
  cluster: string;
  node: string;
  from: number;
  to: number;
  /** The Pods that did it, one after another; none where it is the node's own. */
  pods: readonly { namespace: string; name: string; workload: string; since: number; until: number }[];
  /** Towards which address and port, where there is one. */
  peer?: string;
  peerPort?: number;
  sysctl?: readonly [name: string, value: string];
}

export interface FleetOptions {
  seed: number;
  /** Epoch ms from which on the fleet exists; a multiple of the windows that will be asked for. */
  from: number;
  clusters: readonly ClusterSpec[];
  trouble?: readonly TroubleSpec[];
  /** Keeps every NAT mapping for `Fleet.leaseOf`; memory grows with each flow. */
  remember?: boolean;
}
