import { canonicalAddress } from "../address.ts";
import type { Owner } from "../fold/table.ts";
import { endOf, type Holding } from "./holding.ts";

type HeldRow = Owner & Pick<Holding, "address" | "uid" | "since" | "until">;

/** Holdings of one node by address. */
export type Held = ReadonlyMap<string, readonly HeldRow[]>;

export function byAddress(holdings: Iterable<HeldRow>): Map<string, HeldRow[]> {
  const held = new Map<string, HeldRow[]>();
  for (const holding of holdings) {
    const others = held.get(holding.address);
    if (others) others.push(holding);
    else held.set(holding.address, [holding]);
  }
  return held;
}

/**
 * Who held the address in [from, to): as the node says, else as its services say. Of several the one that held it longest,
 * of equals the one that began later, and of these the one with the lesser uid.
 */
export function holderOf(
  { own, services }: { own: Held | undefined; services: Held },
  address: string,
  { from, to }: { from: number; to: number },
): Owner | undefined {
  const canonical =
    own?.has(address) || services.has(address) ? address : (canonicalAddress(address) ?? address);
  return longest(own?.get(canonical), from, to) ?? longest(services.get(canonical), from, to);
}

function longest(holdings: readonly HeldRow[] = [], from: number, to: number): HeldRow | undefined {
  let best: { holding: HeldRow; held: number } | undefined;
  for (const holding of holdings) {
    const held = Math.min(to, endOf(holding)) - Math.max(from, holding.since);
    if (held > 0 && (!best || isBefore({ holding, held }, best))) best = { holding, held };
  }
  return best?.holding;
}

type Part = { holding: HeldRow; held: number };

function isBefore(one: Part, other: Part): boolean {
  if (one.held !== other.held) return one.held > other.held;
  if (one.holding.since !== other.holding.since) return one.holding.since > other.holding.since;
  if (one.holding.uid !== other.holding.uid) return one.holding.uid < other.holding.uid;
  return one.holding.name < other.holding.name;
}
