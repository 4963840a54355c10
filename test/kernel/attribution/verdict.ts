import type { Recorded, Truth } from "./lab.ts";

/** What of an answer over HTTP tells whether it is right. */
export interface Answer {
  certainty: "certain" | "probable" | "ambiguous" | "none" | "blind";
  candidates: readonly { source: string; owner: { uid: string | null } | null }[];
  reasons: readonly { code: string }[];
}

/** A question about what a recorder saw, and the answer. */
export interface Verdict {
  record: Recorded;
  at: number;
  answer: Answer;
  /**
   * right: the first candidate is who it really was, or of an ambiguous answer any is. blind: it names nobody and says that it cannot
   * know. wrong: all else, and so an answer that says nobody did it.
   */
  is: "right" | "wrong" | "blind";
}

export function verdict(record: Recorded, at: number, answer: Answer): Verdict {
  const { certainty, candidates } = answer;
  const fits = candidates.map((candidate) => isTrue(record.truth, candidate));
  const right = certainty === "ambiguous" ? fits.includes(true) : fits[0] === true;
  return { record, at, answer, is: certainty === "blind" ? "blind" : right ? "right" : "wrong" };
}

const isTrue = ({ source, uid }: Truth, candidate: Answer["candidates"][number]) =>
  candidate.source === source && (candidate.owner?.uid ?? null) === uid;

/** How many there are, by part of the story and by certainty and verdict. */
export function counted(verdicts: readonly Verdict[]): Record<string, Record<string, number>> {
  const parts = Map.groupBy(verdicts, ({ record }) => record.truth.what);
  return Object.fromEntries(
    [...parts, ["all", verdicts] as const].map(([what, of]) => [what, byCertainty(of)]),
  );
}

function byCertainty(verdicts: readonly Verdict[]): Record<string, number> {
  const groups = Map.groupBy(verdicts, ({ answer, is }) =>
    answer.certainty === is ? is : `${answer.certainty} ${is}`,
  );
  const counts = [...groups].map(([name, { length }]) => [name, length] as const);
  return Object.fromEntries(counts.toSorted(([a], [b]) => a.localeCompare(b)));
}
