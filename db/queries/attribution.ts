import type { LeaseLife, CandidateOwner, Evidence, Question, Reason } from "../attribution/answer.ts";
import type { Db } from "../client.ts";
import { type Retention, WINDOW } from "../tiers.ts";
import { askingsOf, type Scoped, wavesOf } from "./attribution/askings.ts";
import { heldLeases } from "./attribution/held.ts";
import { type Answer, type Asking, type Frame, Wave } from "./attribution/wave.ts";

export type { Answer } from "./attribution/wave.ts";

/** Where to look: these clusters, of them this node only where it is named. */
export type Place = {
  clusters: readonly { id: number; name: string }[];
  node?: string | undefined;
  now: number;
  retention: Retention;
  /** Of one answer so many candidates are listed at most. */
  candidates?: number | undefined;
};

/** More than these help nobody: who asks has to say more. */
export const MAX_CANDIDATES = 100;

/** Who was behind an address and port. */
export async function attribute(db: Db, place: Place, question: Question): Promise<Answer> {
  const [answer] = await attributeMany(db, place, [question]);
  if (!answer) throw new Error("a question was left without an answer");
  return answer;
}

/** The same of many, in their order; windows that several need are read once. */
export async function attributeMany(
  db: Db,
  { clusters, node, ...place }: Place,
  questions: readonly Question[],
): Promise<Answer[]> {
  return attributeEach(
    db,
    place,
    questions.map((question) => ({ question, clusters, node })),
  );
}

/** The same where each has clusters or a node of its own. */
export async function attributeEach(
  db: Db,
  { now, retention, candidates = MAX_CANDIDATES }: Omit<Place, "clusters" | "node">,
  all: readonly Scoped[],
): Promise<Answer[]> {
  const clusters = new Map(all.flatMap((one) => one.clusters.map((cluster) => [cluster.id, cluster])));
  const frame = { clusters: [...clusters.values()], now, keptFrom: now - retention[WINDOW], candidates };
  const answers: Answer[] = [];
  for (const some of wavesOf(await askingsOf(db, all))) {
    const found = await answersOf(
      db,
      frame,
      some.map(({ asking }) => asking),
    );
    for (const [i, { at }] of some.entries()) answers[at] = found[i] as Answer;
  }
  return answers;
}

/** Half of them at a time where all together find too much. */
async function answersOf(db: Db, frame: Frame, askings: readonly Asking[]): Promise<Answer[]> {
  const answers = await new Wave(db, frame).answer(askings);
  if (answers) return answers;
  const half = Math.ceil(askings.length / 2);
  const first = await answersOf(db, frame, askings.slice(0, half));
  return [...first, ...(await answersOf(db, frame, askings.slice(half)))];
}

/** What to list: the leases of a Pod or of a source address that were in force within [from, to). */
export type LeaseQuestion = {
  pod?: string | undefined;
  namespace?: string | undefined;
  source?: string | undefined;
  peer?: string | undefined;
  peerPort?: number | undefined;
  protocol?: number | undefined;
  from: number;
  to: number;
  limit: number;
};

export type HeldLease = LeaseLife & {
  cluster: string;
  node: string;
  owner: CandidateOwner | null;
  /** Why the owner is less than certain. */
  reasons: readonly Reason[];
};

export type LeaseList = {
  /** The latest first. */
  leases: readonly HeldLease[];
  /** How many more there were, as far back as `evidence` says that was read. */
  more: number;
  evidence: readonly Evidence[];
  /** too-many-nodes: an outside source may have passed others than those of `evidence`. */
  reasons: readonly Reason[];
};

/** What somebody looked like from outside. A source that nobody held is looked for on nodes that translate, the latest first. */
export async function leasesHeld(db: Db, place: Place, question: LeaseQuestion): Promise<LeaseList> {
  return heldLeases(db, place, question);
}
