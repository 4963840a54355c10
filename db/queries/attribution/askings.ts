import { sql } from "drizzle-orm";
import type { Question } from "../../attribution/answer.ts";
import type { Db } from "../../client.ts";
import { storable } from "../../text.ts";
import { SLOT_MS, slotOf, TEN_MINUTES } from "../../tiers.ts";
import { type AddressPlace, placesOf } from "../node-addresses.ts";
import { MAX_NODES_ASKED, placesToAsk } from "./places.ts";
import { nextTurn } from "./turn.ts";
import type { Asking } from "./wave.ts";

/**
 * Stretches of windows, each some dozens of one node, that are read for one wave: with fewer, 10,000 questions would take more calls
 * of D1 than a Worker is granted.
 */
const MAX_STRETCHES = 256;
/** What was found for each is kept until all of a wave are answered. */
const MAX_QUESTIONS = 1000;
/** Nodes looked up by name in one statement, which takes some hundredths of a second. */
const NAMES_A_STATEMENT = 10_000;
/** Places looked at between two turns of the event loop: an address such as 172.17.0.1 is on all nodes. */
const PLACES_A_TURN = 10_000;

/** A question, and of which of the clusters, or of which node, it is where that is not any. */
export type Scoped = {
  question: Question;
  clusters: readonly { id: number; name: string }[];
  node?: string | undefined;
};

/** Which nodes to ask for each, in their order. */
export async function askingsOf(db: Db, all: readonly Scoped[]): Promise<Asking[]> {
  const clusterIds = [...new Set(all.flatMap(({ clusters }) => clusters.map(({ id }) => id)))];
  const places = await placesOf(db, clusterIds, [...new Set(all.map(({ question }) => question.address))]);
  const nodes = await nodesByName(db, clusterIds, [...new Set(all.flatMap(({ node }) => node ?? []))]);
  const askings: Asking[] = [];
  let looked = 0;
  for (const { question, clusters, node } of all) {
    const known = (places.get(question.address) ?? []).filter(({ clusterId }) =>
      clusters.some(({ id }) => id === clusterId),
    );
    askings.push({
      question,
      clusters,
      // One more tells that there are more.
      places:
        node === undefined
          ? placesToAsk(known, question).slice(0, MAX_NODES_ASKED + 1)
          : clusters.flatMap(({ id }) =>
              placeOf(known, question, { id, nodeId: nodes.get(`${id} ${node}`) }),
            ),
    });
    looked += 1 + known.length + clusters.length;
    if (looked > PLACES_A_TURN) {
      looked = 0;
      await nextTurn();
    }
  }
  return askings;
}

/** Whoever names a node knows better than what was met there. */
function placeOf(
  known: readonly AddressPlace[],
  { address, at }: Question,
  { id, nodeId }: { id: number; nodeId: number | undefined },
): AddressPlace[] {
  if (nodeId === undefined) return [];
  const met = known.find((place) => place.nodeId === nodeId);
  return [met ?? { clusterId: id, nodeId, address, own: false, nat: false, since: at, until: at }];
}

/** Ids of nodes, by the id of their cluster and their name. */
async function nodesByName(
  db: Db,
  clusterIds: readonly number[],
  names: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const some = Math.max(1, Math.floor(NAMES_A_STATEMENT / Math.max(1, clusterIds.length)));
  for (let at = 0; at < names.length; at += some) {
    const wanted = names.slice(at, at + some);
    const rows = await db.all<{ clusterId: number; at: number; nodeId: number }>(sql`
      select n.cluster_id as clusterId, w.key as at, n.id as nodeId
      from json_each(${JSON.stringify(clusterIds)}) c
      cross join json_each(${JSON.stringify(wanted.map(storable))}) w
      cross join nodes n on n.cluster_id = c.value and n.name = w.value`);
    for (const row of rows) found.set(`${row.clusterId} ${wanted[row.at]}`, row.nodeId);
    await nextTurn();
  }
  return found;
}

export type Numbered = { asking: Asking; at: number };

/** Node by node and in time, so that those who need the same windows are together. */
export function* wavesOf(askings: readonly Asking[]): Generator<Numbered[]> {
  const sorted = askings
    .map((asking, at) => ({ asking, at }))
    .toSorted(
      (a, b) =>
        (a.asking.places[0]?.nodeId ?? 0) - (b.asking.places[0]?.nodeId ?? 0) ||
        a.asking.question.at - b.asking.question.at ||
        a.at - b.at,
    );
  let wave: Numbered[] = [];
  let stretches = new Set<string>();
  for (const one of sorted) {
    const its = stretchesOf(one.asking);
    const more = its.filter((stretch) => !stretches.has(stretch)).length;
    if (wave.length === MAX_QUESTIONS || (wave.length > 0 && stretches.size + more > MAX_STRETCHES)) {
      yield wave;
      wave = [];
      stretches = new Set();
    }
    wave.push(one);
    for (const stretch of its) stretches.add(stretch);
  }
  if (wave.length > 0) yield wave;
}

const stretchesOf = ({ question, places }: Asking): string[] =>
  places
    .slice(0, MAX_NODES_ASKED)
    .map(({ nodeId }) => `${nodeId} ${slotOf(TEN_MINUTES, question.at) / SLOT_MS[TEN_MINUTES]}`);
