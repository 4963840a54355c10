import type { Opening } from "./judge.ts";
import { AFTER_MS, rightOf, showsAt, type Truth } from "./truth.ts";

/**
 * What an opening is. found: the first right one of its trouble. again: another right one. secondary: of another kind than the trouble
 * it is about. false: nothing was wrong there.
 */
export type Verdict = "found" | "again" | "secondary" | "false";
export type Scored = {
  opening: Opening;
  verdict: Verdict;
  truth?: Truth;
  /** Of what is false: what the node was about. */
  during?: string;
};

/** What one rule did about one trouble that it ought to tell of. */
export type Attempt = {
  rule: string;
  truth: Truth;
  /** undefined: it was missed. */
  openedAt?: number;
  /** Since it showed, in ms; below 0: it was told in advance. */
  delayMs?: number;
};
export type Scores = { scored: Scored[]; attempts: Attempt[] };

export type Scoring = {
  from: number;
  /** Rules that are held against the truth; others only by what they raised. */
  rules: readonly string[];
  /** Whether a name is that of one of the Pods by index on that node. */
  isPod: (node: string, pod: number, name: string) => boolean;
  during?: (opening: Opening) => string;
  rightOf?: (truth: Truth) => readonly string[];
};

/** Holds openings against what was really wrong. Openings before `from` are no news: rules still learnt what is usual. */
export function scoresOf(openings: readonly Opening[], truths: readonly Truth[], of: Scoring): Scores {
  const right = of.rightOf ?? rightOf;
  const attempts = truths.flatMap((truth) =>
    right(truth)
      .filter((rule) => of.rules.includes(rule))
      .map((rule): Attempt => ({ rule, truth })),
  );
  const scored = openings
    .filter(({ at }) => at >= of.from)
    .toSorted((a, b) => a.at - b.at)
    .map((opening) => scoreOf(opening, { truths, attempts, of }));
  return { scored, attempts };
}

function scoreOf(
  opening: Opening,
  { truths, attempts, of }: { truths: readonly Truth[]; attempts: readonly Attempt[]; of: Scoring },
): Scored {
  const about = truths.filter((truth) => isAbout(opening, truth));
  const answering = attempts.filter(
    ({ rule, truth }) => rule === opening.rule && about.includes(truth) && namesPod(opening, truth, of),
  );
  const first = answering.find(({ openedAt }) => openedAt === undefined);
  if (first) {
    first.openedAt = opening.at;
    first.delayMs = opening.at - showsAt(opening.rule, first.truth);
    return { opening, verdict: "found", truth: first.truth };
  }
  if (answering[0]) return { opening, verdict: "again", truth: answering[0].truth };
  if (about[0]) return { opening, verdict: "secondary", truth: about[0] };
  return { opening, verdict: "false", ...(of.during && { during: of.during(opening) }) };
}

/** Same place, from its begin until a little after its end. What is said of the cluster is about what touches many nodes. */
function isAbout({ at, node }: Opening, truth: Truth): boolean {
  if (at <= truth.from || at > truth.to + AFTER_MS) return false;
  return node === undefined ? truth.node === undefined : truth.nodes.includes(node);
}

/** Who names a Pod has to name one that did it. */
function namesPod({ rule, party, node }: Opening, truth: Truth, { isPod }: Scoring): boolean {
  if (rule !== "pod-flood") return true;
  return party !== undefined && node !== undefined && truth.pods.some((pod) => isPod(node, pod, party));
}
