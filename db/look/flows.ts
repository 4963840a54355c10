import type { FlowRow, Flows, Party, PartyRow } from "../look.ts";
import type { FlowFacts, GroupFact, SourceFact } from "./flow-facts.ts";
import { keyOfParty } from "./parties.ts";

/** Rows of each kind that a look has of those with most entries, with most openings, and with most that nobody answered. */
export const TOP_ROWS = 50;

/** Who was behind an address of the node's own traffic. */
export type PartyOf = (fact: SourceFact | GroupFact) => Party;

/** Puts together what belongs to the same owner. Peers have no party yet. */
export function flowsOf(facts: FlowFacts, takenAt: number, partyOf: PartyOf): Flows {
  const parties = new Map<string, PartyRow>();
  for (const fact of facts.sources) {
    const party = partyOf(fact);
    const key = keyOfParty(party);
    const known = parties.get(key);
    parties.set(key, known ? together(known, fact) : { party, ...amountsOf(fact) });
  }
  const flows = new Map<string, FlowRow>();
  for (const fact of facts.groups) {
    const party = partyOf(fact);
    const { address: _address, owner: _owner, ...flow } = fact;
    const { peer, peerPort, protocol, nat, natAddress = "" } = flow;
    const key = [keyOfParty(party), peer, peerPort, protocol, nat, natAddress].join("\0");
    const known = flows.get(key);
    flows.set(key, known ? withMore(known, fact) : { party, ...flow });
  }
  return {
    takenAt,
    entries: facts.entries,
    unreplied: facts.unreplied,
    opened: facts.opened,
    parties: topOf([...parties.values()]),
    flows: topOf([...flows.values()]),
    error: facts.error,
  };
}

const amountsOf = ({ address: _address, owner: _owner, ...amounts }: SourceFact) => amounts;

/** What either knows: rows of one table know the same. */
const sum = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);

/** Addresses of an owner are of two families, which have no peer in common. */
const together = (row: PartyRow, fact: SourceFact): PartyRow => ({
  party: row.party,
  entries: row.entries + fact.entries,
  snatEntries: row.snatEntries + fact.snatEntries,
  unreplied: row.unreplied + fact.unreplied,
  peers: row.peers + fact.peers,
  opened: sum(row.opened, fact.opened),
  established: sum(row.established, fact.established),
  idle: sum(row.idle, fact.idle),
  closeWait: sum(row.closeWait, fact.closeWait),
});

const withMore = (row: FlowRow, fact: GroupFact): FlowRow => ({
  ...row,
  entries: row.entries + fact.entries,
  unreplied: row.unreplied + fact.unreplied,
  opened: sum(row.opened, fact.opened),
});

type Ranked = { entries: number; unreplied: number; opened?: number | undefined };

/** Those with most entries first; equal ones as they came. */
function topOf<Row extends Ranked>(rows: readonly Row[]): Row[] {
  if (rows.length <= TOP_ROWS) return rows.toSorted((a, b) => b.entries - a.entries);
  const chosen = new Set<Row>();
  for (const by of ["entries", "opened", "unreplied"] as const) {
    const ranked = rows.toSorted((a, b) => (b[by] ?? 0) - (a[by] ?? 0));
    for (const row of ranked.slice(0, TOP_ROWS)) if ((row[by] ?? 0) > 0) chosen.add(row);
  }
  return [...chosen].toSorted((a, b) => b.entries - a.entries);
}
