import type { NodeWindow, Party } from "../../db/look.ts";
import { MAX_KEY } from "./rule.ts";
import type { Subject } from "./rule.ts";

/** A key is never longer than it may be; names that differ only beyond that are one subject. */
export const keyOf = (...words: readonly string[]): string => words.join("/").slice(0, MAX_KEY);

export const nodeSubject = (node: string): Subject => ({ kind: "node", key: keyOf(node), node });

/** An owner on a node: by its name, or by its address where nobody is known to hold it. */
export const partySubject = (node: string, party: Party): Subject => ({
  kind: "party",
  key: keyOf(party.kind, ...(party.namespace === undefined ? [] : [party.namespace]), party.name, node),
  node,
  party,
});

/** How full the table is; undefined where that is not known. */
export function utilisationOf({ count, entries, max }: NodeWindow): number | undefined {
  const held = count ?? entries;
  return held === undefined || max === undefined || max <= 0 ? undefined : held / max;
}
