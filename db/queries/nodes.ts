import type { Db } from "../client.ts";

/** A node as its latest window describes it. Null where nobody knows. Times in epoch ms. */
export type Node = {
  name: string;
  addresses: string[];
  bootId: string | null;
  agent: string;
  kernel: string;
  /** What the source could not see, in words. */
  blind: string[];
  source: string | null;
  events: "off" | "complete" | "lossy" | null;
  interrupted: boolean | null;
  unreadableLines: number | null;
  firstSeenAt: number;
  /** When the service last received a report. */
  lastSeenAt: number | null;
  /** The latest window. */
  windowFrom: number | null;
  windowTo: number | null;
  count: number | null;
  max: number | null;
  buckets: number | null;
  entries: number | null;
  unreplied: number | null;
  /** count / max, 0..1 (more where the limit was lowered). */
  utilisation: number | null;
};

/** Nodes of a cluster by name, those after `after`, at most `limit`. */
export async function nodesIn(
  _db: Db,
  _clusterId: number,
  _page: { after?: string | undefined; limit: number },
): Promise<Node[]> {
  throw new Error("not yet");
}
