import type { Claimed, ObjectClaim } from "./kube-pods.ts";
import type { OwnerSink } from "./owner.ts";

/** An end of so long ago is of no use to a report; Pods that ended are listed for days. */
const PAST_MS = 600_000;
/** Objects remembered by what they claim; more than a book has room for need not be. */
export const MAX_OBJECTS = 32_768;

/** The objects of one kind that are there, and what they claim, told to a sink as it changes. */
export class KubeObjects {
  readonly #sink: OwnerSink;
  /** Claims by uid; none for what is over and still listed. */
  readonly #known = new Map<string, readonly ObjectClaim[]>();
  /** Addresses of hosts, which many Pods name. */
  readonly #hosts = new Map<string, ObjectClaim>();
  /** Uids and hosts of the list being read. */
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
    for (const [uid, claims] of this.#known)
      if (!this.#listed?.has(uid)) {
        this.#end(claims, now);
        this.#known.delete(uid);
      }
    for (const [address, { owner }] of this.#hosts)
      if (!this.#listed?.has(address)) {
        this.#sink.release(address, owner, now);
        this.#hosts.delete(address);
      }
    this.#listed = undefined;
  }

  see({ uid, claims, ended }: Claimed, now: number): void {
    this.#listed?.add(uid);
    for (const claim of claims) if (claim.owner.kind === "host") this.#seeHost(claim);
    const own = claims.filter(({ owner }) => owner.kind !== "host");
    const before = this.#known.get(uid);
    if (!before && this.#known.size >= MAX_OBJECTS) return;
    if (ended) this.#seeEnd(own, before, ended.at, now);
    else {
      for (const { address, owner, since } of own) this.#sink.hold(address, owner, since);
      this.#end(before?.filter(({ address }) => !own.some((claim) => claim.address === address)) ?? [], now);
    }
    this.#known.set(uid, ended ? [] : own);
  }

  /** It was deleted; the object as it was at last. */
  gone({ uid, claims, ended }: Claimed, now: number): void {
    this.see({ uid, claims, ended: { at: ended?.at ?? now } }, now);
    this.#known.delete(uid);
  }

  #seeHost(claim: ObjectClaim): void {
    this.#listed?.add(claim.address);
    this.#hosts.set(claim.address, claim);
    this.#sink.hold(claim.address, claim.owner);
  }

  /** What came and went unseen is still told, where the object says when it ended and that is not long ago. */
  #seeEnd(
    own: readonly ObjectClaim[],
    before: readonly ObjectClaim[] | undefined,
    at: number | undefined,
    now: number,
  ): void {
    if (!before && at !== undefined && at > now - PAST_MS)
      for (const { address, owner, since } of own) {
        this.#sink.hold(address, owner, since);
        this.#sink.release(address, owner, at);
      }
    this.#end(before ?? [], Math.min(at ?? now, now));
  }

  #end(claims: readonly ObjectClaim[], until: number): void {
    for (const { address, owner } of claims) this.#sink.release(address, owner, until);
  }
}
