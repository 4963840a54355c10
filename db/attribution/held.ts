import type { LeaseLife } from "./answer.ts";
import { type Held, type Holder, ownersOf } from "./holders.ts";
import { leaseOf, type Life, livesOf } from "./lives.ts";
import { basesOf, inOrder, type LeaseWindow, runsOf } from "./timeline.ts";

/** A lease, and who may have been behind its source. */
export type Leased = { lease: LeaseLife; owners: readonly Held[] };

/**
 * The leases of a node that were in force at some instant of [from, to), as far as its windows say, the latest beginning first; one whose
 * end nobody saw until what contradicts it. The windows are those that reach into the range, with the rows of these sources.
 */
export function leasesOf(
  windows: readonly LeaseWindow[],
  { from, to }: { from: number; to: number },
  { node, holders }: { node: string; holders: (address: string) => readonly Holder[] },
): Leased[] {
  const ordered = inOrder(windows);
  const lives = livesOf(ordered, runsOf(ordered, from), basesOf(ordered));
  const within = lives.filter(({ opened, begin, end }) => (opened ?? begin.max) < to && end.max > from);
  return withoutResumed(within)
    .toSorted((a, b) => b.begin.max - a.begin.max || a.natPort - b.natPort)
    .map((life) => ({ lease: leaseOf(life), owners: ownersOf(life, node, holders(life.source)) }));
}

/** What goes on after a gap is listed as that, and not as what stood before too. */
function withoutResumed(lives: readonly Life[]): Life[] {
  const beginningOf = (life: Life, opened: number | null | undefined) =>
    [
      life.boot,
      life.zone,
      life.natAddress,
      life.natPort,
      life.protocol,
      life.peer,
      life.peerPort,
      opened,
    ].join(" ");
  const resumed = new Set(
    lives.flatMap((life) => (life.resumes ? [beginningOf(life, life.resumes.opened)] : [])),
  );
  return lives.filter((life) => !resumed.has(beginningOf(life, life.opened)));
}
