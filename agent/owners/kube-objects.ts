import type { Claimed, ObjectClaim } from "./kube-pods.ts";
import type { Owner, OwnerSink } from "./owner.ts";

/** An end of so long ago is of no use to a report; Pods that ended are listed for days. */
const PAST_MS = 600_000;
/** Objects remembered by what they claim, and addresses of hosts; more than a book has room for need not be. */
export const MAX_OBJECTS = 32_768;
/** Addresses of one object: far more than two families, external addresses and load balancers come to. */
export const MAX_ADDRESSES = 64;

/** What an object holds, briefly: a cluster has thousands of Services. */
interface Held {
  owner: Owner;
  addresses: readonly string[];
}

/** The objects of one kind that are there, and what they claim, told to a sink as it changes. */
export class KubeObjects {
  readonly #sink: OwnerSink;
  /** What is held, by uid; undefined for what is over and still listed. */
  readonly #known = new Map<string, Held | undefined>();
  /** Addresses of hosts, which many Pods name. */
  readonly #hosts = new Map<string, Owner>();
  /** Of what is known, the uids and hosts that the list being read has named. */
  #listed: Set<string> | undefined;

  constructor(sink: OwnerSink) {
    this.#sink = sink;
  }

  /** What is seen from now on is a list, until `listed`. */
  listing(): void {
    this.#listed = new Set();
  }

  /** What the list did not name has gone. */
  listed(now: number): void {
    for (const [uid, held] of this.#known)
      if (!this.#listed?.has(uid)) {
        this.#end(held, now);
        this.#known.delete(uid);
      }
    for (const [address, owner] of this.#hosts)
      if (!this.#listed?.has(address)) {
        this.#sink.release(address, owner, now);
        this.#hosts.delete(address);
      }
    this.#listed = undefined;
    this.#sink.listed?.();
  }

  /** False where there is no room for all of what it claims. */
  see({ uid, claims, ended }: Claimed, now: number): boolean {
    const taken = claims.slice(0, MAX_ADDRESSES);
    const hosts = taken.filter(({ owner }) => owner.kind === "host");
    let fits = taken.length === claims.length;
    for (const host of hosts) fits = this.#seeHost(host) && fits;
    const own = hosts.length === 0 ? taken : taken.filter(({ owner }) => owner.kind !== "host");
    return this.#seeOwn({ uid, claims: own, ...(ended && { ended }) }, now) && fits;
  }

  /** It was deleted; the object as it was at last. */
  gone({ uid, claims, ended }: Claimed, now: number): void {
    this.see({ uid, claims, ended: { at: ended?.at ?? now } }, now);
    this.#known.delete(uid);
  }

  #seeOwn({ uid, claims, ended }: Claimed, now: number): boolean {
    const isNew = !this.#known.has(uid);
    // What holds nothing yet, or is another node's, needs no room.
    if (isNew && !ended && claims.length === 0) return true;
    if (isNew && this.#known.size >= MAX_OBJECTS) return false;
    const before = this.#known.get(uid);
    this.#listed?.add(uid);
    this.#known.set(uid, ended ? undefined : heldBy(claims));
    if (ended) {
      if (isNew) this.#tellPast(claims, ended.at, now);
      this.#end(before, Math.min(ended.at ?? now, now));
    } else this.#hold(claims, before, now);
    return true;
  }

  #seeHost({ address, owner }: ObjectClaim): boolean {
    if (!this.#hosts.has(address) && this.#hosts.size >= MAX_OBJECTS) return false;
    this.#listed?.add(address);
    this.#hosts.set(address, owner);
    this.#sink.hold(address, owner);
    return true;
  }

  /** Holds what it claims, and lets go of what it claimed before. */
  #hold(claims: readonly ObjectClaim[], before: Held | undefined, now: number): void {
    for (const { address, owner, since } of claims) this.#sink.hold(address, owner, since);
    const left = before?.addresses.filter((address) => !claims.some((claim) => claim.address === address));
    if (before && left) this.#end({ owner: before.owner, addresses: left }, now);
  }

  /** What came and went unseen is still told, where the object says when it ended and that is not long ago. */
  #tellPast(claims: readonly ObjectClaim[], at: number | undefined, now: number): void {
    if (at === undefined || at <= now - PAST_MS) return;
    for (const { address, owner, since } of claims) {
      this.#sink.hold(address, owner, since);
      this.#sink.release(address, owner, at);
    }
  }

  #end(held: Held | undefined, until: number): void {
    if (held) for (const address of held.addresses) this.#sink.release(address, held.owner, until);
  }
}

/** All claims of an object but those for its host are its own. */
function heldBy(claims: readonly ObjectClaim[]): Held | undefined {
  const [first] = claims;
  return first && { owner: first.owner, addresses: claims.map(({ address }) => address) };
}
