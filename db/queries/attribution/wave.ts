import type { Attribution, Question } from "../../attribution/answer.ts";
import type { Holder } from "../../attribution/holders.ts";
import { type Asked, firstRange, judge, type Needs, type PlaceRead } from "../../attribution/judge.ts";
import { filterOf, type LeaseWindow } from "../../attribution/timeline.ts";
import type { Db } from "../../client.ts";
import { findLeases, type LeaseFilter, type OpenedLeases, openLeases } from "../../details.ts";
import { merged } from "../../facts/holding.ts";
import { SegmentError } from "../../segment.ts";
import type { AddressPlace } from "../node-addresses.ts";
import { confirmed, type KnownTo } from "./confirmed.ts";
import { type AddressOf, holdersOf, keyOf } from "./holders.ts";
import { type AskedNode, askedNodes, MAX_NODES_ASKED, nodesNamed } from "./places.ts";
import { type Unseen, unseenOf } from "./unseen.ts";
import { leaseWindows, type NodeRange, type StoredWindow } from "./windows.ts";

/** Rows of a window looked for between two turns of the event loop, each some hundredths of a millisecond. */
const LOOKS_A_TURN = 256;

/** Questions judged between two turns of the event loop, each some tenths of a millisecond. */
const ANSWERS_A_TURN = 16;

/** One question and the nodes to ask, best first. */
export type Asking = { question: Question; places: readonly AddressPlace[] };

export type Frame = {
  clusters: readonly { id: number; name: string }[];
  now: number;
  keptFrom: number;
};

/** A node that is asked for one question: what was read of it so far. */
type Reading = {
  place: AddressPlace;
  node: AskedNode;
  filter: LeaseFilter;
  from: number;
  to: number;
  windows: LeaseWindow[];
  had: Set<string>;
};
type Open = { asking: Asking; readings: Reading[] };
type Wanted = NodeRange & { reading: Reading };

/** Answers some questions at once: what they need of the same windows and holders is read once. */
export class Wave {
  readonly #db: Db;
  readonly #frame: Frame;
  readonly #names: ReadonlyMap<number, string>;
  readonly #ids: ReadonlyMap<string, number>;
  #nodes: ReadonlyMap<number, AskedNode> = new Map();
  #unseen: Unseen = { until: 0, said: [], unknownFrom: new Map(), firstOf: () => 0 };
  readonly #holders = new Map<string, Holder[]>();

  constructor(db: Db, frame: Frame) {
    this.#db = db;
    this.#frame = frame;
    this.#names = new Map(frame.clusters.map(({ id, name }) => [id, name]));
    this.#ids = new Map(frame.clusters.map(({ id, name }) => [name, id]));
  }

  /** In the order of the questions. */
  async answer(askings: readonly Asking[]): Promise<Attribution[]> {
    const asked = askings.flatMap(({ places }) => places.slice(0, MAX_NODES_ASKED));
    const nodeIds = [...new Set(asked.map(({ nodeId }) => nodeId))];
    this.#nodes = await askedNodes(this.#db, nodeIds);
    this.#unseen = await unseenOf(this.#db, nodeIds);
    const open = askings.map((asking) => this.#opened(asking));
    await this.#readWindows(open.flatMap((one) => this.#first(one)));
    const answers = new Map<Open, Attribution>();
    for (let waiting: readonly Open[] = open; waiting.length > 0;)
      waiting = await this.#judged(waiting, answers);
    return open.map((one) => answers.get(one) ?? NOTHING);
  }

  /** Those that more had to be read for. */
  async #judged(waiting: readonly Open[], answers: Map<Open, Attribution>): Promise<Open[]> {
    const still: Open[] = [];
    const wanted: Wanted[] = [];
    const owners: AddressOf[] = [];
    for (const [i, one] of waiting.entries()) {
      if (i % ANSWERS_A_TURN === ANSWERS_A_TURN - 1) await nextTurn();
      const verdict = judge(this.#asked(one));
      if ("answer" in verdict)
        answers.set(one, await confirmed(verdict.answer, one.asking.question, this.#knownTo(one)));
      else {
        still.push(one);
        wanted.push(...wantedOf(one, verdict.needs));
        for (const { cluster, address } of verdict.needs.owners)
          owners.push({ clusterId: this.#ids.get(cluster) ?? 0, address });
      }
    }
    await this.#readWindows(wanted);
    await this.#readHolders(owners);
    return still;
  }

  #opened(asking: Asking): Open {
    const filter = filterOf(asking.question);
    const { from } = firstRange(asking.question);
    const readings = asking.places.slice(0, MAX_NODES_ASKED).flatMap((place): Reading[] => {
      const node = this.#nodes.get(place.nodeId);
      return node ? [{ place, node, filter, from, to: from, windows: [], had: new Set() }] : [];
    });
    return { asking, readings };
  }

  #first({ asking, readings }: Open): Wanted[] {
    const range = firstRange(asking.question);
    return readings.map((reading) => wantedFrom(reading, range));
  }

  #asked({ asking, readings }: Open): Asked {
    const { now, keptFrom, clusters } = this.#frame;
    return {
      question: asking.question,
      now,
      keptFrom,
      places: readings.map((reading) => {
        const place = asking.places.find(({ nodeId }) => nodeId === reading.node.nodeId);
        return { ...this.#read(reading), translates: place?.nat };
      }),
      tooManyNodes: asking.places.length > MAX_NODES_ASKED,
      holders: (cluster, address) => this.#heldBy(asking, cluster, address),
      clusters: clusters.map(({ name }) => name),
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

  #knownTo({ readings }: Open): KnownTo {
    const { unknownFrom, firstOf } = this.#unseen;
    return {
      ofNode: (cluster, name) => {
        const isIt = ({ node }: Reading) => node.name === name && this.#names.get(node.clusterId) === cluster;
        return unknownFrom.get(readings.find(isIt)?.node.nodeId ?? 0) ?? Number.POSITIVE_INFINITY;
      },
      ofCluster: (cluster) => firstOf(this.#ids.get(cluster) ?? 0),
      lastOf: async (cluster, name) => {
        const [one] = await nodesNamed(this.#db, [this.#ids.get(cluster) ?? 0], name);
        const nodes = await askedNodes(this.#db, one ? [one.nodeId] : []);
        return (one && nodes.get(one.nodeId)?.lastEnd) ?? 0;
      },
    };
  }

  async #readWindows(wanted: readonly Wanted[]): Promise<void> {
    const byNode = Map.groupBy(wanted, ({ nodeId }) => nodeId);
    const ranges = [...byNode].flatMap(([nodeId, all]) =>
      merged(all).map((range) => ({ ...range, nodeId, clusterId: all[0]?.clusterId ?? 0 })),
    );
    let looks = 0;
    for await (const window of leaseWindows(this.#db, ranges, this.#unseen.until)) {
      const all = byNode.get(window.nodeId) ?? [];
      take(window, all);
      looks += all.length;
      if (looks > LOOKS_A_TURN) looks = await nextTurn();
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

const nextTurn = (): Promise<0> => new Promise((resolve) => setImmediate(() => resolve(0)));

const NOTHING: Attribution = { certainty: "blind", candidates: [], reasons: [], evidence: [] };

const hostOf = ({ since, until }: AddressPlace, name: string): Holder => ({
  kind: "host",
  namespace: "",
  name,
  uid: "",
  workloadKind: "",
  workload: "",
  node: name,
  since,
  until,
  address: "",
  confirmedUntil: null,
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

/** Gives a window to all that want it. */
function take(stored: StoredWindow, wanted: readonly Wanted[]): void {
  const { details, ...window } = stored;
  let opened: OpenedLeases | undefined;
  const key = `${window.boot} ${window.sequence} ${window.from}`;
  for (const { reading, from, to } of wanted) {
    if (window.from >= to || window.to <= from || reading.had.has(key)) continue;
    reading.had.add(key);
    try {
      opened ??= details && openLeases(details);
      reading.windows.push({
        ...window,
        found: opened ? findLeases(opened, window.from, reading.filter) : null,
      });
    } catch (error) {
      // What does not decode says nothing: as if the window had no details.
      if (!(error instanceof SegmentError)) throw error;
      reading.windows.push({ ...window, found: null });
    }
  }
}
