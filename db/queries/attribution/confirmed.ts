import type { Attribution, Candidate, Question } from "../../attribution/answer.ts";

/** From when on it is not known yet what was said of owners; undefined where all is. */
export type Doubt = {
  /** Of a node that was asked. */
  ofNode: (cluster: string, node: string) => number | undefined;
  /** Of all nodes of a cluster together. */
  ofCluster: (cluster: string) => number | undefined;
};

/**
 * Takes back what is certain only as long as reports that came and were not looked at yet say nothing else: of a source that its
 * node does not know, any node may.
 */
export function confirmed(answer: Attribution, question: Question, doubt: Doubt): Attribution {
  if (answer.certainty !== "certain") return answer;
  const candidates = answer.candidates.map((candidate) =>
    candidate.certainty === "certain" && isDoubtful(candidate, question, doubt)
      ? {
          ...candidate,
          certainty: "probable" as const,
          reasons: [...candidate.reasons, "owner-not-confirmed" as const],
        }
      : candidate,
  );
  const certainty = candidates.some((candidate) => candidate.certainty === "certain")
    ? answer.certainty
    : "probable";
  return { ...answer, certainty, candidates };
}

function isDoubtful({ cluster, node, owner, lease }: Candidate, { at, toleranceMs }: Question, doubt: Doubt) {
  const when = lease?.opened ?? at + toleranceMs;
  const known =
    node !== null && owner?.node === node ? doubt.ofNode(cluster, node) : doubt.ofCluster(cluster);
  return known !== undefined && when + OWNERS_LATE_MS >= known;
}

/** A window may tell of a holding that began before it: the agent hears of it so late at most. */
const OWNERS_LATE_MS = 60_000;
