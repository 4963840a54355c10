import type { Party } from "../../db/look.ts";
import { MAX_CONTRIBUTORS } from "./rule.ts";
import type { Finding, Judged, Subject } from "./rule.ts";
import { order } from "./subject.ts";

/** The same of each. */
export const each = (subjects: readonly Subject[], finding: Finding): Judged[] =>
  subjects.map((subject) => ({ subject, finding }));

/** The largest first, at most as many as a message shows. */
export const largest = <Of extends { party: Party; value: number }>(all: readonly Of[]): Of[] =>
  all
    .filter(({ value }) => value > 0)
    .toSorted((a, b) => b.value - a.value || order(a.party, b.party))
    .slice(0, MAX_CONTRIBUTORS);
