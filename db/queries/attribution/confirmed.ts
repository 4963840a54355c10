import type { Attribution, Candidate, Question } from "../../attribution/answer.ts";
import { type Holder, ownerKey } from "../../attribution/holders.ts";
import { type LeaseWindow, SECOND_MS } from "../../attribution/timeline.ts";
import type { Db } from "../../client.ts";
import { type Claim, standing } from "./claims.ts";
import type { AskedNode } from "./places.ts";
import type { Unseen } from "./unseen.ts";

/** An answer, and what it was made of. */
export type Judged = {
  question: Question;
  answer: Attribution;
  /** All that were read. */
  windows: readonly LeaseWindow[];
  /** As the judge was given them. */
  holders: (cluster: string, address: string) => readonly Holder[] | undefined;
};

/** What was read of reports and nodes, and what clusters are called. */
export type Known = {
  unseen: Unseen;
  nodes: ReadonlyMap<number, AskedNode>;
  ids: ReadonlyMap<string, number>;
};

/**
 * Takes back what is certain as long as a report that is still to come, or that nobody looked at yet, may name another owner. In the
 * order of the answers.
 */
export async function confirmed(db: Db, judged: readonly Judged[], known: Known): Promise<Attribution[]> {
  const claims = judged.map((one) => claimOf(one, known));
  const open = claims.filter((claim) => typeof claim === "object");
  const stands = new Map((await standing(db, open, known)).map((stands, i) => [open[i], stands]));
  return judged.map(({ answer }, i) => {
    const claim = claims[i];
    const holds = typeof claim === "object" ? stands.get(claim) : claim;
    return holds ? answer : takenBack(answer);
  });
}

/** Of a node's own address the node itself says whose it is, and whoever is less than certain claims nothing: true. */
function claimOf({ question, answer, windows, holders }: Judged, known: Known): Claim | boolean {
  const [only] = answer.candidates;
  if (answer.certainty !== "certain" || !only) return true;
  const clusterId = known.ids.get(only.cluster) ?? 0;
  const at = lastBegin(only, question, windows);
  if (!only.owner) {
    const isIt = (node: AskedNode) => node.name === only.node && node.clusterId === clusterId;
    const nodeId = [...known.nodes.values()].find(isIt)?.nodeId;
    return nodeId === undefined ? false : { clusterId, nodeId, address: only.source, at };
  }
  const { owner } = only;
  const holder = holders(only.cluster, only.source)?.find(
    (row) => ownerKey(row) === ownerKey(owner) && row.node === owner.node && row.until === owner.until,
  );
  if (!holder) return false;
  if (!holder.told) return holder.kind === "host" && holder.node === only.node;
  const { nodeId, source, end } = holder.told;
  return {
    clusterId,
    nodeId,
    address: only.source,
    at,
    holding: { source, until: holder.until, isEndTold: end },
  };
}

/** When the last of the flows began that the answer may be about; of an address that is nobody's lease, the last moment asked for. */
function lastBegin(
  { lease, source, heldTo = 0 }: Candidate,
  { at, toleranceMs }: Question,
  windows: readonly LeaseWindow[],
): number {
  const end = at + toleranceMs;
  if (!lease) return end;
  const rows = windows.flatMap(({ found }) => [
    ...(found?.changes?.rows ?? []),
    ...(found?.keyframe?.rows ?? []),
  ]);
  return rows
    .filter((row) => row.source === source)
    .map(({ opened }) => opened ?? 0)
    .filter((opened) => opened <= end + SECOND_MS)
    .reduce((last, opened) => Math.max(last, opened), Math.max(heldTo, lease.opened ?? lease.lastSeen));
}

function takenBack(answer: Attribution): Attribution {
  const reasons = [...answer.reasons, "owner-not-confirmed" as const];
  const candidates = answer.candidates.map((one) => ({ ...one, certainty: "probable" as const, reasons }));
  return { ...answer, certainty: "probable", reasons, candidates };
}
