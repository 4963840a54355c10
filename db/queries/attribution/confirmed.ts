import type { Attribution, Candidate, Question } from "../../attribution/answer.ts";
import { LATE_MS } from "../../attribution/timeline.ts";

/** How far what reports say of owners is known; infinite where all that came is. */
export type KnownTo = {
  /** Of a node that was asked. */
  ofNode: (cluster: string, node: string) => number;
  ofCluster: (cluster: string) => number;
  /** The end of the last report of any node. */
  lastOf: (cluster: string, node: string) => Promise<number>;
};

/** A window may tell of a holding that began before it: the agent hears of it so late at most. */
const TOLD_LATE_MS = 60_000;

/**
 * Takes back what is certain only as long as reports that are not here, or that nobody looked at yet, say nothing else: of a source
 * that its node does not know, any node may.
 */
export async function confirmed(
  answer: Attribution,
  question: Question,
  known: KnownTo,
): Promise<Attribution> {
  const [only] = answer.candidates;
  if (answer.certainty !== "certain" || !only || (await isConfirmed(only, question, known))) return answer;
  const reasons = [...answer.reasons, "owner-not-confirmed" as const];
  const candidates = [{ ...only, certainty: "probable" as const, reasons }];
  return { ...answer, certainty: "probable", reasons, candidates };
}

async function isConfirmed(
  { cluster, node, owner, lease }: Candidate,
  { at, toleranceMs }: Question,
  known: KnownTo,
): Promise<boolean> {
  const own = owner?.node === node ? node : null;
  if (lease) {
    const knownTo = own === null ? known.ofCluster(cluster) : known.ofNode(cluster, own);
    return (lease.opened ?? lease.lastSeen) + TOLD_LATE_MS < knownTo;
  }
  const end = at + toleranceMs;
  if (end + TOLD_LATE_MS >= known.ofCluster(cluster)) return false;
  return own === null || end + LATE_MS <= (await known.lastOf(cluster, own));
}
