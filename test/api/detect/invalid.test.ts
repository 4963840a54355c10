import { expect, test } from "vitest";
import type { Look, NodeWindow } from "../../../db/look.ts";
import { atRest } from "../../support/hours.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import { aLook, aWindow, windowsBefore } from "../../support/looks.ts";

/** 300 in 30 seconds, where none are usual, as in the windows before. */
const surge = (some: Partial<NodeWindow> = {}, look: Partial<Look> = {}): Look =>
  aLook(aWindow(0, { invalid: 300, ...some }), {
    recent: windowsBefore(0, 20, () => ({ invalid: some.invalid ?? 300 })),
    hours: atRest(),
    ...look,
  });

const verdict = (...of: Parameters<typeof surge>) => verdictOf(judged("invalid", surge(...of)));

/** So many a second are usual. */
const usual = (rate: number) => ({
  hours: atRest().map((slot) => ({ ...slot, counts: { invalid: rate * 3_600 } })),
});

test.each<[string, Parameters<typeof surge>, string]>([
  ["ten a second where none are usual", [], "warning"],
  ["less than that", [{ invalid: 299 }], "between"],
  ["less than half of that", [{ invalid: 149 }], "clear"],
  // Six deviations of 0.35 are some eight times as many.
  ["eight times as many as usual", [{ invalid: 3_000 }, usual(11)], "warning"],
  ["less than that", [{ invalid: 3_000 }, usual(13)], "between"],
  ["not three times as many as usual", [{ invalid: 3_000 }, usual(36)], "clear"],
  ["ten times the threshold where nobody knows", [{ invalid: 3_000 }, { hours: [] }], "warning"],
  ["less than that", [{ invalid: 2_999 }, { hours: [] }], "between"],
  ["nobody counts", [{ invalid: undefined }], "unknown"],
  ["the first window", [{}, { recent: [] }], "unknown"],
  ["after a gap", [{}, { recent: windowsBefore(-4, 10) }], "unknown"],
])("%s", (_, of, expected) => {
  expect(verdict(...of)).toBe(expected);
});

test("the finding tells the rate and the reasons the kernel gives, most frequent first", () => {
  const invalid = ["a", "b", "c", "d"].map((reason, i) => ({ reason, lines: i, sample: "nf_ct_proto_6: …" }));
  expect(judged("invalid", surge({}, { invalid }))).toMatchObject([
    {
      subject: { kind: "node", key: "node-1" },
      finding: {
        value: 10,
        limit: 10,
        baseline: 0,
        facts: { reason1: "d", lines1: 3, reason2: "c", lines2: 2, reason3: "b", lines3: 1 },
      },
    },
  ]);
});

test("the gate lets pass ten a second", () => {
  expect(gateOf("invalid", aWindow(0, { invalid: 300 }))).toEqual({
    hours: true,
    peers: true,
    invalid: true,
  });
  expect(gateOf("invalid", aWindow(0, { invalid: 299 }))).toBeUndefined();
  expect(gateOf("invalid", aWindow(0, { invalid: undefined }))).toBeUndefined();
});
