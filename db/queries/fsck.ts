import { innermost, isDatabaseDamaged } from "../failure.ts";
import { bucketProblems, segmentProblems } from "./fsck/blobs.ts";
import { foldingProblems } from "./fsck/folding.ts";
import type { Checked, Findings, Look } from "./fsck/problem.ts";
import { fileProblems, orphanProblems, pairProblems, placeProblems } from "./fsck/rows.ts";

export type { Checked, Look, Problem, ProblemKind } from "./fsck/problem.ts";

const CHECKS: Readonly<Record<string, (look: Look, checked: Checked) => Findings>> = {
  "the file": fileProblems,
  "rows of no cluster or node": orphanProblems,
  reports: pairProblems,
  slots: placeProblems,
  segments: segmentProblems,
  buckets: bucketProblems,
  "how buckets were folded": foldingProblems,
};

/** All that is wrong with what is stored. Asks only; `begins` hears what is looked at next, and `checked` counts. */
export async function* problemsIn(
  look: Look,
  checked: Checked,
  begins: (what: string) => void = () => {},
): Findings {
  for (const [what, check] of Object.entries(CHECKS)) {
    begins(what);
    try {
      yield* check(look, checked);
    } catch (error) {
      // What SQLite cannot read ends one check, not the others.
      if (!isDatabaseDamaged(error)) throw error;
      yield { kind: "file", where: what, message: innermost(error).message };
    }
  }
}
