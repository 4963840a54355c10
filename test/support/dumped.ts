import type { Summary, Summed } from "../../agent/summary/summary.ts";
import { anEntry, type PlainEntry } from "./entries.ts";

/** The instant at which dumps begin in tests that do not care. */
export const TAKEN_AT = Date.UTC(2026, 10, 21, 12);

type Whole = Summed & Required<Pick<Summed, "counts" | "flows">>;

/** What a summary gives after one whole dump of these entries. */
export function dumped(summary: Summary, entries: readonly PlainEntry[], from = TAKEN_AT): Whole {
  dump(summary, entries);
  const taken = summary.take({ from });
  if (!taken.counts || !taken.flows) throw new Error("a whole dump gives counts and flows");
  return { ...taken, counts: taken.counts, flows: taken.flows };
}

/** One dump, whole or cut short. */
export function dump(summary: Summary, entries: readonly PlainEntry[], whole = true): void {
  summary.dumpBegins(TAKEN_AT);
  for (const entry of entries) summary.add(anEntry(entry));
  summary.dumpEnds(whole);
}
