import * as fc from "fast-check";
import type { Summary } from "../../agent/summary/summary.ts";
import { anEntry, type PlainEntry, someEntry } from "./entries.ts";

export type Step =
  | { do: "dump"; entries: PlainEntry[]; whole: boolean }
  | { do: "new" | "destroy"; entry: PlainEntry; at: number }
  | { do: "lost" }
  | { do: "keyframe" }
  | { do: "take" };

export const WINDOW_FROM = Date.UTC(2026, 10, 21, 12);

const dump = fc.record({
  do: fc.constant("dump" as const),
  entries: fc.array(someEntry, { maxLength: 30 }),
  whole: fc.boolean(),
});
const event = fc.record({
  do: fc.constantFrom("new" as const, "destroy" as const),
  entry: someEntry,
  at: fc.integer({ min: WINDOW_FROM, max: WINDOW_FROM + 30_000 }),
});
const word = fc.constantFrom<Step[]>({ do: "lost" }, { do: "keyframe" }, { do: "take" });

/** What an agent may tell its summary, in any order. */
export const busySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 2, arbitrary: dump }, { weight: 6, arbitrary: event }, word),
  { maxLength: 40 },
);

/** Tells a summary these steps; `taken` gets what it gives at the end of each window. */
export function tell(
  summary: Summary,
  steps: readonly Step[],
  taken: (given: ReturnType<Summary["take"]>) => void,
) {
  for (const step of steps) {
    if (step.do === "dump") {
      summary.dumpBegins(WINDOW_FROM);
      for (const entry of step.entries) summary.add(anEntry(entry));
      summary.dumpEnds(step.whole);
    } else if (step.do === "lost") summary.lost();
    else if (step.do === "keyframe") summary.keyframeDue();
    else if (step.do === "take") taken(summary.take({ from: WINDOW_FROM }));
    else {
      const entry = anEntry(step.entry);
      entry.event = step.do;
      summary.event(entry, step.at);
    }
  }
  taken(summary.take({ from: WINDOW_FROM }));
}
