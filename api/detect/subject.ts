import type { FlowRow, Party, PartyRow } from "../../db/look.ts";
import { MAX_CONTRIBUTORS, MAX_KEY } from "./rule.ts";
import type { Contributor, Subject } from "./rule.ts";

/** A key is never longer than it may be; names that differ only beyond that are one subject. */
export const keyOf = (...words: readonly string[]): string => words.join("/").slice(0, MAX_KEY);

export const nodeSubject = ({ node }: { node: string }): Subject => ({
  kind: "node",
  key: keyOf(node),
  node,
});

/** Two rows are of one owner where it is the same. */
export const partyKey = ({ kind, namespace = "", name }: Party): string => keyOf(kind, namespace, name);

/** An owner on a node. */
export const partySubject = ({ node }: { node: string }, party: Party): Subject => ({
  kind: "party",
  key: keyOf(node, partyKey(party)),
  node,
  party,
});

/** Owners with most of it, in an order that does not depend on that of the rows; who has nothing of it is left out. */
export function contributorsBy(
  parties: readonly PartyRow[] | undefined,
  of: (row: PartyRow) => number | undefined,
): Contributor[] | undefined {
  if (!parties) return undefined;
  return parties
    .map((row) => ({ party: row.party, value: of(row) ?? 0 }))
    .filter(({ value }) => value > 0)
    .toSorted((a, b) => b.value - a.value || order(a.party, b.party))
    .slice(0, MAX_CONTRIBUTORS);
}

/** Of names, by code units. */
export function order(a: Party, b: Party): number {
  const [first, second] = [keyOf(partyKey(a), a.address), keyOf(partyKey(b), b.address)];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

/** Facts of which some are not known. */
export type Facts = Readonly<Record<string, number | string | undefined>>;

/** Without what is not known. */
export const present = (facts: Facts): Record<string, number | string> =>
  Object.fromEntries(
    Object.entries(facts).filter((fact): fact is [string, number | string] => fact[1] !== undefined),
  );

/** Where flows go, and who is there where that is somebody of the cluster. */
export const peerFacts = (flow: FlowRow | undefined): Facts => ({
  peer: flow?.peer,
  peerPort: flow?.peerPort,
  protocol: flow?.protocol,
  peerKind: flow?.peerParty?.kind,
  peerNamespace: flow?.peerParty?.namespace,
  peerName: flow?.peerParty?.name,
});
