import type { Db } from "../client.ts";
import type { NatClass } from "../segment.ts";
import type { Measures } from "./talkers.ts";

export const FLOW_METRICS = ["entries", "unreplied", "bytes", "packets"] as const;
export type FlowMetric = (typeof FLOW_METRICS)[number];

export type FlowQuery = {
  clusterId: number;
  from: number;
  to: number;
  node?: string | undefined;
  source?: string | undefined;
  peer?: string | undefined;
  port?: number | undefined;
  protocol?: number | undefined;
  nat?: NatClass | undefined;
  limit: number;
  metric?: FlowMetric | undefined;
};

export type FlowGroup = {
  source: string;
  peer: string;
  peerPort: number;
  protocol: number;
  nat: NatClass;
  natAddress: string | null;
};

/** A flow group with the most it held in any one window of a node, added over the nodes. */
export type Flow = FlowGroup & Omit<Measures, "snatEntries"> & { share: number };

export type FlowAnswer = {
  flows: Flow[];
  remainder: Omit<Measures, "snatEntries"> & { groups: number; share: number };
  total: Omit<Measures, "snatEntries"> & { groups: number };
  exact: boolean;
  unlisted: number;
  windows: number;
};

/** The flow groups that match, largest first. */
export async function topFlows(_db: Db, _query: FlowQuery): Promise<FlowAnswer> {
  throw new Error("not yet");
}
