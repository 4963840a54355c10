import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { Holders } from "../fold/table.ts";

/** What one report says of owners and settings, as decodeDetails gives it. */
export type Statement = {
  nodeId: number;
  /** The window. */
  from: number;
  to: number;
  owners?: unknown;
  host?: unknown;
};

export type Applied = {
  /** To run in one batch, in this order. */
  writes: SQL[];
  /** Where the holder of some address of the node is another than before. */
  changed: { nodeId: number; from: number; to: number }[];
};

/** What the statements change of what is known: the same in whatever order they come. Each write happens only where `guard` holds. */
export async function applyStatements(
  _db: Db,
  _clusterId: number,
  _statements: readonly Statement[],
  _guard: SQL,
): Promise<Applied> {
  throw new Error("to be written");
}

/** Who held the addresses of each node in a stretch of time; of all nodes of the cluster, or of those. */
export async function holdersIn(
  _db: Db,
  _clusterId: number,
  _range: { from: number; to: number; nodeIds?: readonly number[] },
): Promise<(nodeId: number) => Holders> {
  throw new Error("to be written");
}
