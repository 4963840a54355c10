import type { Owner } from "./owner.ts";

/** What a source says: this owner holds the address from `since` on; ended where there is an `until`. Epoch ms. */
export interface Claim {
  readonly owner: Owner;
  /** Undefined where nobody knows since when. */
  readonly since: number | undefined;
  readonly until: number | undefined;
}

/** What is made of a claim beside the others of its address: held in [since, until), and empty where nothing is left. */
export interface Interval {
  since: number | undefined;
  until: number | undefined;
  empty: boolean;
}

/**
 * One address has one holder at a time, but claims overlap: ends are noticed late, starts are known to the second, and a
 * finished Pod keeps its address in its status for as long as it is listed. The rule, at any instant: of the running
 * claims that have begun, the one that began last holds the address; where no running one has begun, the ended one that
 * began last does, if its end has not come yet. So what is over never wins over what runs, the later start wins, and no
 * end that was noticed late reaches into the time of a successor. Among equal starts the claim made last counts as the
 * later. The address of a service that is also another's (the load balancers of small clusters use the addresses of
 * the nodes) belongs to the other for as long as that runs.
 *
 * The intervals are in the order of the claims, one for each, and never overlap.
 */
export function settle(claims: readonly Claim[]): Interval[] {
  const [only] = claims;
  if (only && claims.length === 1) return [interval(only.since, only.until)];
  const services = claims.some((claim) => isRunning(claim) && !isService(claim.owner));
  const order = inOrder(claims).filter(({ claim }) => !(services && isService(claim.owner)));
  const intervals = claims.map((): Interval => ({ since: undefined, until: undefined, empty: true }));
  let running = false;
  for (const [place, { claim, at }] of order.entries()) {
    const behind = order.slice(place + 1).map((next) => next.claim);
    const next = isRunning(claim) ? behind.find(isRunning) : behind[0];
    if (isRunning(claim) || !running) intervals[at] = cut(claim, next);
    running ||= isRunning(claim);
  }
  return intervals;
}

/** Claims in the order in which they began, each with its place among those given. */
export const inOrder = (claims: readonly Claim[]): { claim: Claim; at: number }[] =>
  claims
    .map((claim, at) => ({ claim, at }))
    .toSorted((a, b) => begin(a.claim) - begin(b.claim) || a.at - b.at);

const isRunning = (claim: Claim): boolean => claim.until === undefined;
/** Before every instant where it is not known; a number, so that two of them compare as equal. */
const begin = (claim: Claim): number => claim.since ?? -1;

function cut(claim: Claim, next: Claim | undefined): Interval {
  if (!next) return interval(claim.since, claim.until);
  return interval(claim.since, Math.min(claim.until ?? Number.POSITIVE_INFINITY, begin(next)));
}

const interval = (since: number | undefined, until: number | undefined): Interval => ({
  since,
  until,
  empty: until !== undefined && until <= (since ?? -1),
});

/** Whether two claims speak of the same owner: by uid, else by kind and name (of a namespace, where there is one). */
export const isSameOwner = (a: Owner, b: Owner): boolean =>
  a.uid !== undefined || b.uid !== undefined
    ? a.uid === b.uid && a.kind === b.kind
    : a.kind === b.kind && a.name === b.name && a.namespace === b.namespace;

/** Whether nothing that is reported of two owners differs. */
export const isSameText = (a: Owner, b: Owner): boolean =>
  a === b ||
  (isSameOwner(a, b) &&
    a.name === b.name &&
    a.namespace === b.namespace &&
    a.workloadKind === b.workloadKind &&
    a.workload === b.workload);

export const isService = (owner: Owner): boolean => owner.kind === "service";
