import type { Amounts, Measure } from "./measures.ts";

/** Between the fields of a key. Control characters are kept out of all that becomes part of one. */
export const BETWEEN = "\u0000";

/** An address, a name, or a number of which each key has one. */
export type FieldType = "address" | "text" | "number";

const OWNER = {
  kind: "text",
  namespace: "text",
  name: "text",
  workloadKind: "text",
  workload: "text",
} as const;
const WORKLOAD = { namespace: "text", workloadKind: "text", workload: "text" } as const;
const PEER = { peer: "address", port: "number", protocol: "number" } as const;
/** As of FlowGroup; `nat` is an index of NAT_CLASSES, and without SNAT `natAddress` is "". */
const FLOW = { source: "address", ...PEER, nat: "number", natAddress: "address", zone: "number" } as const;

/**
 * What a row of each table is, field by field, in stored order. Texts are "" where nobody knows; a source without an owner
 * has kind "". Buckets of a node have `source` and `group`, those of a cluster have the others.
 */
export const DIMENSIONS = {
  /** One source address of a node in the hands of one owner. */
  source: { address: "address", ...OWNER },
  /** One flow group of a node, its source in the hands of one owner. */
  group: { ...FLOW, ...OWNER },
  /** One owner on one node; all without an owner are one row, without a node. */
  owner: { ...OWNER, node: "text" },
  /** An owner that belongs to no workload is one of its own: of kind `Pod`, say. */
  workload: WORKLOAD,
  namespace: { namespace: "text" },
  node: { node: "text" },
  address: { address: "address" },
  peer: PEER,
  /** Which workload talks to which peer: exact where `flow`, which has many more rows, must leave some out. */
  edge: { ...WORKLOAD, ...PEER, nat: "number" },
  flow: { ...FLOW, ...OWNER, node: "text" },
} as const satisfies Record<string, Record<string, FieldType>>;

export type Dimension = keyof typeof DIMENSIONS;
export const NODE_DIMENSIONS = ["source", "group"] as const satisfies Dimension[];
export const CLUSTER_DIMENSIONS = [
  "owner",
  "workload",
  "namespace",
  "node",
  "address",
  "peer",
  "edge",
  "flow",
] as const satisfies Dimension[];

export type Bounds = Partial<Record<Measure, number>>;

/**
 * Who held what in a slot of time: a row a key. Of gauges a row has the most in any one window (in a table of a cluster: in any one
 * minute, its nodes added up), of counts all that happened. What is not known is missing.
 */
export type Table = {
  /** Fields of the dimension joined by BETWEEN. Each once. */
  keys: readonly string[];
  columns: Partial<Record<Measure, readonly number[]>>;
  /**
   * All that has no row, taken together: of gauges the most at once. `rows`: no fewer than so many keys were folded away. Counts and
   * their rows add up to all there was. Peers, which several keys share, are not in it.
   */
  rest: Amounts;
  /** No row is short of more than this, but in `owner` that of what has no owner. Missing: of nothing. */
  lack: Bounds;
  /** No key without a row has more than this. Missing: there is no such key. */
  miss: Bounds;
};

/** Tables of a bucket by dimension. */
export type Bucket = Partial<Record<Dimension, Table>>;

/** Who holds an address; "" where it does not say. No text has control characters in it. */
export type Owner = {
  kind: string;
  namespace: string;
  name: string;
  workloadKind: string;
  workload: string;
};

/** Who held an address in [from, to), as its node said: of several the one that held it longest; undefined where nobody knows. */
export type Holders = (address: string, from: number, to: number) => Owner | undefined;
