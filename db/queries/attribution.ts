import type { Attribution, LeaseLife, CandidateOwner, Evidence, Question } from "../attribution/answer.ts";
import type { Db } from "../client.ts";
import type { Retention } from "../tiers.ts";

/** Where to look: these clusters, of them this node only where it is named. */
export type Place = {
  clusters: readonly { id: number; name: string }[];
  node?: string | undefined;
  now: number;
  retention: Retention;
};

/** Who was behind an address and port. */
export async function attribute(_db: Db, _place: Place, _question: Question): Promise<Attribution> {
  throw new Error("not yet");
}

/** The same of many, in their order; windows that several need are read once. */
export async function attributeMany(
  db: Db,
  place: Place,
  questions: readonly Question[],
): Promise<Attribution[]> {
  const answers: Attribution[] = [];
  for (const question of questions) answers.push(await attribute(db, place, question));
  return answers;
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

export type HeldLease = LeaseLife & { cluster: string; node: string; owner: CandidateOwner | null };

export type LeaseList = {
  /** The latest first. */
  leases: readonly HeldLease[];
  /** How many more there were. */
  more: number;
  evidence: readonly Evidence[];
};

/** What somebody looked like from outside. */
export async function leasesHeld(_db: Db, _place: Place, _question: LeaseQuestion): Promise<LeaseList> {
  throw new Error("not yet");
}
