import type {
  Attribution,
  LeaseLife,
  CandidateOwner,
  Evidence,
  Question,
  Reason,
} from "../attribution/answer.ts";
import type { Db } from "../client.ts";
import { type Retention, SLOT_MS, slotOf, TEN_MINUTES, WINDOW } from "../tiers.ts";
import { heldLeases } from "./attribution/held.ts";
import { MAX_NODES_ASKED, nodesNamed, placesToAsk } from "./attribution/places.ts";
import { type Asking, Wave } from "./attribution/wave.ts";
import { type AddressPlace, placesOf } from "./node-addresses.ts";

/** Where to look: these clusters, of them this node only where it is named. */
export type Place = {
  clusters: readonly { id: number; name: string }[];
  node?: string | undefined;
  now: number;
  retention: Retention;
};

/**
 * Stretches of windows, each some dozens of one node, that are read for one wave: with fewer, 10,000 questions would take more calls
 * of D1 than a Worker is granted.
 */
const MAX_STRETCHES = 256;
/** What was found for each is kept until all of a wave are answered. */
const MAX_QUESTIONS = 1000;

/** Who was behind an address and port. */
export async function attribute(db: Db, place: Place, question: Question): Promise<Attribution> {
  const [answer] = await attributeMany(db, place, [question]);
  if (!answer) throw new Error("a question was left without an answer");
  return answer;
}

/** The same of many, in their order; windows that several need are read once. */
export async function attributeMany(
  db: Db,
  place: Place,
  questions: readonly Question[],
): Promise<Attribution[]> {
  const frame = { clusters: place.clusters, now: place.now, keptFrom: place.now - place.retention[WINDOW] };
  const asked = (await askingsOf(db, place, questions)).map((asking, at) => ({ asking, at }));
  const answers: Attribution[] = [];
  for (const some of wavesOf(asked)) {
    const found = await new Wave(db, frame).answer(some.map(({ asking }) => asking));
    for (const [i, { at }] of some.entries()) answers[at] = found[i] as Attribution;
  }
  return answers;
}

async function askingsOf(db: Db, place: Place, questions: readonly Question[]): Promise<Asking[]> {
  const clusterIds = place.clusters.map(({ id }) => id);
  const addresses = [...new Set(questions.map(({ address }) => address))];
  const places = await placesOf(db, clusterIds, addresses);
  if (place.node === undefined)
    return questions.map((question) => ({
      question,
      places: placesToAsk(places.get(question.address) ?? [], question),
    }));
  const nodes = await nodesNamed(db, clusterIds, place.node);
  return questions.map((question) => {
    const known = places.get(question.address) ?? [];
    // Whoever names a node knows better than what was met there.
    return {
      question,
      places: nodes.map(
        ({ clusterId, nodeId }): AddressPlace =>
          known.find((one) => one.nodeId === nodeId) ?? {
            clusterId,
            nodeId,
            address: question.address,
            own: false,
            nat: false,
            since: question.at,
            until: question.at,
          },
      ),
    };
  });
}

type Numbered = { asking: Asking; at: number };

/** Node by node and in time, so that those who need the same windows are together. */
function* wavesOf(asked: readonly Numbered[]): Generator<Numbered[]> {
  const sorted = asked.toSorted(
    (a, b) =>
      (a.asking.places[0]?.nodeId ?? 0) - (b.asking.places[0]?.nodeId ?? 0) ||
      a.asking.question.at - b.asking.question.at ||
      a.at - b.at,
  );
  let wave: Numbered[] = [];
  let stretches = new Set<string>();
  for (const one of sorted) {
    const more = [...stretches, ...stretchesOf(one.asking)];
    if (wave.length === MAX_QUESTIONS || (wave.length > 0 && new Set(more).size > MAX_STRETCHES)) {
      yield wave;
      wave = [];
      stretches = new Set();
    }
    wave.push(one);
    for (const stretch of stretchesOf(one.asking)) stretches.add(stretch);
  }
  if (wave.length > 0) yield wave;
}

const stretchesOf = ({ question, places }: Asking): string[] =>
  places
    .slice(0, MAX_NODES_ASKED)
    .map(({ nodeId }) => `${nodeId} ${slotOf(TEN_MINUTES, question.at) / SLOT_MS[TEN_MINUTES]}`);

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
