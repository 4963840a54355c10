import type { NatClass } from "../../api/wire.ts";
import { type Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC } from "./entry.ts";
import { isIcmp } from "./protocols.ts";

/** Bits of {@link natBits}, which are also the places of the classes' names. */
export const SNAT = 1;
export const DNAT = 2;
export const NAT_CLASSES = ["none", "snat", "dnat", "both"] as const satisfies readonly NatClass[];

/**
 * What the kernel translates in this flow, from its two tuples: the reply would be the exact reverse of the original
 * without NAT. SNAT: reply.dst is not orig.src; DNAT: reply.src is not orig.dst, each in address or port. ICMP has one
 * id for both directions, which source NAT may change; type and code of an answer differ by nature.
 */
export function natBits(entry: Entry): number {
  const icmp = isIcmp(entry.protocol);
  const snat =
    !sameAddress(entry, REPLY_DST, ORIG_SRC) ||
    (icmp ? entry.replySport : entry.replyDport) !== entry.origSport;
  const dnat = !sameAddress(entry, REPLY_SRC, ORIG_DST) || (!icmp && entry.replySport !== entry.origDport);
  return (snat ? SNAT : 0) | (dnat ? DNAT : 0);
}

/** The same in words. */
export const natClass = (entry: Entry): NatClass => NAT_CLASSES[natBits(entry) as 0 | 1 | 2 | 3];

function sameAddress({ addresses, family }: Entry, a: number, b: number): boolean {
  if (addresses[a] !== addresses[b]) return false;
  return (
    family === 4 ||
    (addresses[a + 1] === addresses[b + 1] &&
      addresses[a + 2] === addresses[b + 2] &&
      addresses[a + 3] === addresses[b + 3])
  );
}
