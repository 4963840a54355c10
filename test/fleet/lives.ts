import { formatAddress } from "../../agent/conntrack/address.ts";
import type { Owner } from "../../agent/owners/owner.ts";
import { chance, type Random, seeded, seedOf, suffix } from "./random.ts";
import type { Workload } from "./workloads.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Of a rolling update: Pods of a node follow each other, and so do nodes. */
const SLOT_STAGGER_MS = 20_000;
const NODE_STAGGER_MS = 7_000;
/** A new Pod of a Deployment comes before the old one goes; others come after. */
const SURGE_MS = 5_000;
const RESTART_MS = 4_000;
/** An address rests before it is given again, as flows of its last holder may still be in the table. */
const REST_MS = 120_000;
/** Addresses of a node beyond those its Pods need at once. */
const SPARE_ADDRESSES = 24;
const FIRST_ADDRESS = 2;

/** A Pod: it holds its address in [since, until), epoch ms. */
export interface Life {
  workload: Workload;
  slot: number;
  owner: Owner & { uid: string };
  /** The node's own where the Pod is in its network. */
  address: number;
  text: string;
  since: number;
  until: number;
}

export interface Place {
  seed: number;
  cluster: string;
  /** Index of the node. */
  node: number;
  /** Its address, and the network its Pods' addresses are from. */
  address: number;
  podNetwork: number;
  workloads: readonly Workload[];
  pods: number;
  from: number;
}

/** Who lives on a node: nothing but the seed and the instant decide it, whoever asks, and in whatever order. */
export class NodeLives {
  /** In the order of their beginnings. */
  readonly lives: Life[] = [];
  private readonly place: Place;
  private readonly slots: { workload: Workload; next: number }[] = [];
  private readonly random: Random;
  private readonly pool: number;
  /** When the holder of each address of the pool lets go of it. */
  private readonly freeAt: Float64Array;
  private lastGiven = -1;
  private nextAt = Number.NEGATIVE_INFINITY;

  constructor(place: Place) {
    this.place = place;
    this.random = seeded(seedOf(place.seed, place.cluster, place.node, "lives"));
    this.pool = place.pods + SPARE_ADDRESSES;
    this.freeAt = new Float64Array(this.pool).fill(Number.NEGATIVE_INFINITY);
    for (const workload of assign(place)) this.slots.push({ workload, next: Number.NEGATIVE_INFINITY });
  }

  /** Those that begin up to the instant are known from then on. */
  through(at: number): void {
    while (this.nextAt <= at) {
      let first = 0;
      for (let slot = 1; slot < this.slots.length; slot += 1)
        if (this.slots[slot]!.next < this.slots[first]!.next) first = slot;
      this.begin(first);
      this.nextAt = this.slots.reduce((least, { next }) => Math.min(least, next), Number.POSITIVE_INFINITY);
    }
  }

  alive(at: number): Life[] {
    this.through(at);
    return this.lives.filter(({ since, until }) => since <= at && at < until);
  }

  /** Those who lived for a part of [from, to) at least. */
  during(from: number, to: number): Life[] {
    this.through(to);
    return this.lives.filter(({ since, until }) => since < to && until > from);
  }

  private begin(slot: number): void {
    const { workload, next } = this.slots[slot]!;
    const { from } = this.place;
    const first = next === Number.NEGATIVE_INFINITY;
    const start = first ? from : next;
    const until = workload.kind === "CronJob" ? this.runEnds(workload, start) : this.rollout(slot, start);
    // Whoever was there before the fleet was looked at began some time before.
    const since =
      first && workload.kind !== "CronJob" ? from - Math.floor(this.random() * 48 * HOUR_MS) : start;
    this.slots[slot]!.next = this.after(workload, until);
    if (first && workload.kind === "CronJob") this.slots[slot]!.next = this.after(workload, start);
    else this.lives.push(this.life(slot, since, until));
  }

  private life(slot: number, since: number, until: number): Life {
    const { workload } = this.slots[slot]!;
    const { place, random } = this;
    const address = workload.hostNetwork ? place.address : place.podNetwork + this.give(since, until);
    const word = () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    const uid = `${word()}-4f1e-49c2-a${word().slice(1, 4)}-${word()}${word().slice(4)}`;
    const { namespace, name, kind } = workload;
    const owner = {
      kind: "pod" as const,
      namespace,
      name: this.nameOf(slot, since),
      uid,
      workloadKind: kind,
      workload: name,
    };
    return { workload, slot, owner, address, text: formatAddress([address], 0, 4), since, until };
  }

  private nameOf(slot: number, since: number): string {
    const { workload } = this.slots[slot]!;
    const { seed, cluster, node } = this.place;
    const { name, kind, everyHours } = workload;
    if (kind === "StatefulSet") return `${name}-${node}`;
    if (kind === "DaemonSet") return `${name}-${suffix(5, this.random)}`;
    if (kind === "CronJob") return `${name}-${Math.floor(since / MINUTE_MS)}-${suffix(5, this.random)}`;
    // Pods of one rollout share the hash of their template.
    const rollout = Math.round(since / (everyHours * HOUR_MS) - phase(this.place, workload));
    const template = suffix(9, seeded(seedOf(seed, cluster, name, rollout)));
    return `${name}-${template}-${suffix(5, seeded(seedOf(seed, cluster, node, slot, since)))}`;
  }

  /** Round robin, as the usual plug-in (host-local) gives them: the one that was free for longest comes next. */
  private give(since: number, until: number): number {
    for (let step = 1; step <= this.pool; step += 1) {
      const at = (this.lastGiven + step) % this.pool;
      if (this.freeAt[at]! + REST_MS > since) continue;
      this.lastGiven = at;
      this.freeAt[at] = until;
      return FIRST_ADDRESS + at;
    }
    throw new Error(`no address is free on node ${this.place.node}`);
  }

  private rollout(slot: number, after: number): number {
    const { workload } = this.slots[slot]!;
    const period = workload.everyHours * HOUR_MS;
    const stagger = slot * SLOT_STAGGER_MS + this.place.node * NODE_STAGGER_MS;
    const shift = phase(this.place, workload) * period + stagger;
    return Math.round((Math.floor((after + MINUTE_MS - shift) / period) + 1) * period + shift);
  }

  private runEnds({ everyHours }: Workload, start: number): number {
    return start + Math.round((0.1 + 0.4 * this.random()) * everyHours * HOUR_MS);
  }

  private after({ kind, everyHours }: Workload, until: number): number {
    if (kind === "Deployment") return until - SURGE_MS;
    if (kind !== "CronJob") return until + RESTART_MS;
    const period = everyHours * HOUR_MS;
    return (Math.floor(until / period) + 1) * period + Math.floor(this.random() * 5_000);
  }
}

/** Where in its period a workload rolls out, from 0 to 1. */
const phase = ({ seed, cluster }: Place, { name }: Workload): number => chance(seed, cluster, name, "phase");

/** The workload of each Pod's place on the node: one of each, and then by how many of it there should be. */
function assign({ workloads, pods, node }: Place): Workload[] {
  const here = workloads.filter(({ nodes = Number.POSITIVE_INFINITY }) => node < nodes).slice(0, pods);
  const many = here.filter(({ perNode }) => perNode > 1);
  const wanted = many.reduce((sum, { perNode }) => sum + perNode, 0);
  const room = pods - (here.length - many.length);
  const slots = [...here];
  const missing = (workload: Workload) =>
    (workload.perNode / wanted) * room - slots.filter((slot) => slot === workload).length;
  while (many.length > 0 && slots.length < pods)
    slots.push(many.reduce((most, workload) => (missing(workload) > missing(most) ? workload : most)));
  return slots;
}
