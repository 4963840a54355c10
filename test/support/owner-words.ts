import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import type { Holding } from "../../db/facts/holding.ts";
import { applyStatements, type Statement } from "../../db/queries/facts.ts";

/** A row of owners; `since` null is what nobody knows. */
export type OwnerRow = Partial<Omit<Holding, "since" | "source">> & {
  address: string;
  since?: number | null;
};

/** The part `owners` of a report, in columns. */
export function ownersOf(rows: readonly OwnerRow[], complete = false, source = "kubernetes") {
  const column = (name: keyof OwnerRow, other: unknown) => rows.map((row) => row[name] ?? other);
  return {
    source,
    complete,
    address: column("address", ""),
    kind: column("kind", "pod"),
    namespace: column("namespace", "shop"),
    name: column("name", "web-1"),
    uid: column("uid", null),
    workloadKind: column("workloadKind", null),
    workload: column("workload", null),
    since: column("since", null),
    until: column("until", null),
  };
}

/** What the report of a window of 30 s says of owners. */
export const saying = (
  from: number,
  rows: readonly OwnerRow[],
  { complete = false, nodeId = 1 }: { complete?: boolean; nodeId?: number } = {},
): Statement => ({ nodeId, from, to: from + 30_000, owners: ownersOf(rows, complete) });

/** What the report of a window says of settings. */
export const setTo = (
  from: number,
  sysctls: Record<string, string>,
  { nodeId = 1, ...host }: { nodeId?: number; [name: string]: unknown } = {},
): Statement => ({ nodeId, from, to: from + 30_000, host: { sysctls, unread: [], ...host } });

const ALWAYS = sql`1`;

/** Applies statements as a tick does: in one batch. */
export async function applied(
  db: Db,
  statements: readonly Statement[],
  { clusterId = 1, guard = ALWAYS }: { clusterId?: number; guard?: SQL } = {},
) {
  const { writes, changed } = await applyStatements(db, clusterId, statements, guard);
  const [first, ...rest] = writes.map((write) => db.run(write));
  if (first) await db.batch([first, ...rest]);
  return { writes: writes.length, changed };
}
