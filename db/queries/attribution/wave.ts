import type { Attribution, Question } from "../../attribution/answer.ts";
import type { Holder } from "../../attribution/holders.ts";
import { type Asked, firstRange, judge, type Needs, type PlaceRead } from "../../attribution/judge.ts";
import { filterOf, type LeaseWindow } from "../../attribution/timeline.ts";
import type { Db } from "../../client.ts";
import type { LeaseFilter } from "../../details.ts";
import { merged } from "../../facts/holding.ts";
import type { AddressPlace } from "../node-addresses.ts";
import { confirmed, type Judged } from "./confirmed.ts";
import { type AddressOf, holdersOf, hostOf, keyOf } from "./holders.ts";
import { lookedAt, openedOf, rowsOf } from "./look.ts";
import { type AskedNode, askedNodes, MAX_NODES_ASKED, type PlaceToAsk } from "./places.ts";
import { type Unowned, unownedOf } from "./unowned.ts";
import { type Unseen, unseenOf } from "./unseen.ts";
import { Turns } from "./turn.ts";
import { leaseWindows, type NodeRange, type StoredWindow } from "./windows.ts";

/**
 * Rows of leases that are looked through for one question, which takes some hundredths of a second: what fits more leases than these,
 * such as an address without a port, names nobody.
 */
export const MAX_FOUND = 5000;
/** Rows found for all questions of a wave, which are in memory at once with some hundreds of bytes each; one question has no more than a third. */
export const MAX_ROWS_HELD = 50_000;

/** Bytes of leases passed over between two turns of the event loop: some milliseconds. Other work is counted as so many bytes. */
const WORK_A_TURN = 1_000_000;
const WORK_A_ROW = 250;
const WORK_AN_ANSWER = 60_000;
/** To see whether a question wants a window. */
const WORK_A_READING = 10;

/** One question, the clusters that it is of, and the nodes to ask, best first. */
export type Asking = {
  question: Question;
  clusters: readonly { id: number; name: string }[];
  places: readonly PlaceToAsk[];
};

export type Frame = {
  /** Of all questions. */
  clusters: readonly { id: number; name: string }[];
  now: number;
  keptFrom: number;
  /** Candidates listed of one answer. */
  candidates: number;
};

/** An answer, and how many more candidates there are than it lists. */
export type Answer = Attribution & { more: number };

/** A node that is asked for one question: what was read of it so far. */
type Reading = {
  place: AddressPlace;
  node: AskedNode;
  filter: Filter;
  found: Found;
  from: number;
  to: number;
  windows: LeaseWindow[];
  had: Set<string>;
};
/** What is looked for, and the same as text: of a window it is looked for once. */
type Filter = LeaseFilter & { key: string };
/** How many rows were found for one question, on all its nodes. */
type Found = { rows: number };
type Open = { asking: Asking; found: Found; readings: Reading[] };
type Wanted = NodeRange & { reading: Reading };

/** Answers some questions at once: what they need of the same windows and holders is read once. */
export class Wave {
  readonly #db: Db;
  readonly #frame: Frame;
  readonly #names: ReadonlyMap<number, string>;
  readonly #ids: ReadonlyMap<string, number>;
  #nodes: ReadonlyMap<number, AskedNode> = new Map();
  #unseen: Unseen = { until: 0, said: [], unknownFrom: new Map(), firstOf: () => 0 };
  #unowned: Unowned = () => false;
  readonly #holders = new Map<string, Holder[]>();
  readonly #turns = new Turns(WORK_A_TURN);
  #rows = 0;

  constructor(db: Db, frame: Frame) {
    this.#db = db;
    this.#frame = frame;
    this.#names = new Map(frame.clusters.map(({ id, name }) => [id, name]));
    this.#ids = new Map(frame.clusters.map(({ id, name }) => [name, id]));
  }

  /** In the order of the questions; undefined where several have too many rows to be held at once: ask fewer. */
  async answer(askings: readonly Asking[]): Promise<Answer[] | undefined> {
    const asked = askings.flatMap(({ places }) => places.slice(0, MAX_NODES_ASKED));
    const nodeIds = [...new Set(asked.map(({ nodeId }) => nodeId))];
    this.#nodes = await askedNodes(this.#db, nodeIds);
    this.#unseen = await unseenOf(this.#db, nodeIds);
    this.#unowned = await unownedOf(
      this.#db,
      this.#frame.clusters.map(({ id }) => id),
      askings.flatMap(({ question, clusters }) => (clusters.length > 1 ? [question.at] : [])),
    );
    const open = askings.map((asking) => this.#opened(asking));
    await this.#readWindows(open.flatMap((one) => this.#first(one)));
    const answers = new Map<Open, Answer>();
    for (let waiting: readonly Open[] = open; waiting.length > 0;) {
      if (askings.length > 1 && this.#isFull()) return undefined;
      waiting = await this.#judged(waiting, answers);
    }
    return open.map((one) => answers.get(one) ?? NOTHING);
  }

  #isFull(): boolean {
    return this.#rows > MAX_ROWS_HELD;
  }

  /** Those that more had to be read for. */
  async #judged(waiting: readonly Open[], answers: Map<Open, Answer>): Promise<Open[]> {
    const still: Open[] = [];
    const judged: (Judged & { of: Open })[] = [];
    const wanted: Wanted[] = [];
    const owners: AddressOf[] = [];
    for (const one of waiting) {
      if (one.found.rows > MAX_FOUND) {
        answers.set(one, TOO_MANY);
        continue;
      }
      await this.#turns.worked(WORK_AN_ANSWER + one.found.rows * WORK_A_ROW);
      const asked = this.#asked(one);
      const verdict = judge(asked);
      if ("answer" in verdict) {
        // Of many candidates only those that are listed are kept while the others are judged.
        answers.set(one, listed(verdict.answer, this.#frame.candidates));
        if (verdict.answer.certainty === "certain") judged.push({ ...verdict, ...judgedBy(asked), of: one });
      } else {
        still.push(one);
        wanted.push(...wantedOf(one, verdict.needs));
        for (const { cluster, address } of verdict.needs.owners)
          owners.push({ clusterId: this.#ids.get(cluster) ?? 0, address });
      }
    }
    const known = { unseen: this.#unseen, nodes: this.#nodes, ids: this.#ids };
    for (const [i, answer] of (await confirmed(this.#db, judged, known)).entries())
      answers.set((judged[i] as (typeof judged)[number]).of, listed(answer, this.#frame.candidates));
    await this.#readWindows(wanted);
    await this.#readHolders(owners);
    return still;
  }

  #opened(asking: Asking): Open {
    const wanted = filterOf(asking.question);
    const filter = { ...wanted, key: JSON.stringify(wanted) };
    const found = { rows: 0 };
    const { from } = firstRange(asking.question);
    const readings = asking.places.slice(0, MAX_NODES_ASKED).flatMap((place): Reading[] => {
      const node = this.#nodes.get(place.nodeId);
      return node ? [{ place, node, filter, found, from, to: from, windows: [], had: new Set() }] : [];
    });
    return { asking, found, readings };
  }

  #first({ asking, readings }: Open): Wanted[] {
    const range = firstRange(asking.question);
    return readings.map((reading) => wantedFrom(reading, range));
  }

  #asked({ asking, readings }: Open): Asked {
    const { now, keptFrom } = this.#frame;
    return {
      question: asking.question,
      now,
      keptFrom,
      places: readings.map((reading) => {
        const place = asking.places.find(({ nodeId }) => nodeId === reading.node.nodeId);
        return { ...this.#read(reading), translates: place?.nat, own: place?.own };
      }),
      tooManyNodes: asking.places.length > MAX_NODES_ASKED,
      holders: (cluster, address) => this.#heldBy(asking, cluster, address),
      clusters: asking.clusters.map(({ name }) => name),
      moved: asking.places.some(({ left }) => left),
      unowned: asking.clusters.flatMap(({ id, name }) =>
        this.#unowned(id, asking.question.at) ? [name] : [],
      ),
    };
  }

  #read({ node, windows, from, to }: Reading): PlaceRead {
    const { name, lastEnd, blind, bypassed } = node;
    return {
      cluster: this.#names.get(node.clusterId) ?? "",
      node: name,
      windows,
      from,
      to,
      lastEnd,
      blind,
      bypassed,
    };
  }

  /** Where agents learn of no owners, a node is still known by the addresses that it lists. */
  #heldBy({ question, places }: Asking, cluster: string, address: string): Holder[] | undefined {
    const clusterId = this.#ids.get(cluster) ?? 0;
    const known = this.#holders.get(keyOf({ clusterId, address }));
    if (!known || address !== question.address) return known;
    const own = places.filter((place) => place.own && place.clusterId === clusterId);
    const hosts = own.flatMap((place): Holder[] => {
      const name = this.#nodes.get(place.nodeId)?.name;
      const isKnown = known.some(({ kind, node }) => kind === "host" && node === name);
      return name === undefined || isKnown ? [] : [hostOf(place, name)];
    });
    return [...known, ...hosts];
  }

  async #readWindows(wanted: readonly Wanted[]): Promise<void> {
    const byNode = Map.groupBy(wanted, ({ nodeId }) => nodeId);
    const ranges = [...byNode].flatMap(([nodeId, all]) =>
      merged(all).map((range) => ({ ...range, nodeId, clusterId: all[0]?.clusterId ?? 0 })),
    );
    for await (const window of leaseWindows(this.#db, ranges, this.#unseen.until)) {
      await this.#take(window, byNode.get(window.nodeId) ?? []);
      if (this.#isFull()) return;
    }
  }

  /** Gives a window to all that want it; those that look for the same have the same rows. */
  async #take({ details, ...stored }: StoredWindow, wanted: readonly Wanted[]): Promise<void> {
    await this.#turns.worked(wanted.length * WORK_A_READING);
    const key = `${stored.boot} ${stored.sequence} ${stored.from}`;
    const opened = wanted.some((one) => wants(one, stored, key)) ? openedOf(details) : undefined;
    const looked = new Map<string, LeaseWindow>();
    for (const one of wanted) {
      if (!wants(one, stored, key)) continue;
      const { reading } = one;
      reading.had.add(key);
      let window = looked.get(reading.filter.key);
      if (!window) {
        window = lookedAt(stored, opened, reading.filter, MAX_FOUND);
        looked.set(reading.filter.key, window);
        this.#rows += rowsOf(window);
        await this.#turns.worked((opened?.bytes ?? 0) + rowsOf(window) * WORK_A_ROW);
      }
      reading.windows.push(window);
      reading.found.rows += rowsOf(window);
      if (reading.found.rows > MAX_FOUND) reading.windows = [];
    }
  }

  async #readHolders(wanted: readonly AddressOf[]): Promise<void> {
    const addresses = new Map(wanted.map((one) => [keyOf(one), one]));
    const found = await holdersOf(this.#db, [...addresses.values()], {
      unseen: this.#unseen,
      now: this.#frame.now,
      nameOf: (nodeId) => this.#nodes.get(nodeId)?.name ?? null,
    });
    for (const [key, holders] of found) this.#holders.set(key, holders);
  }
}

const NOTHING: Answer = { certainty: "blind", candidates: [], more: 0, reasons: [], evidence: [] };
const TOO_MANY: Answer = { ...NOTHING, reasons: ["too-many-leases"] };

const listed = ({ candidates, ...answer }: Attribution, limit: number): Answer => ({
  ...answer,
  candidates: candidates.slice(0, limit),
  more: Math.max(0, candidates.length - limit),
});

/** What an answer is made of. */
const judgedBy = ({ question, places, holders }: Asked): Omit<Judged, "answer"> => ({
  question,
  holders,
  windows: places.flatMap(({ windows }) => windows),
});

function wantedOf({ readings }: Open, needs: Needs): Wanted[] {
  return needs.windows.flatMap(({ place, ...range }) => {
    const reading = readings[place];
    return reading ? [wantedFrom(reading, range)] : [];
  });
}

/** The range is the new one; only what was not read yet is to be read. */
function wantedFrom(reading: Reading, { from, to }: { from: number; to: number }): Wanted {
  const { nodeId, clusterId } = reading.node;
  const wanted = { reading, nodeId, clusterId, from, to };
  if (from >= reading.from) wanted.from = reading.to;
  else if (to <= reading.to) wanted.to = reading.from;
  reading.from = Math.min(reading.from, from);
  reading.to = Math.max(reading.to, to);
  return wanted;
}

const wants = ({ reading, from, to }: Wanted, window: Omit<StoredWindow, "details">, key: string): boolean =>
  reading.found.rows <= MAX_FOUND && window.from < to && window.to > from && !reading.had.has(key);
