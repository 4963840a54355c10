import { describe, expect, test } from "vitest";
import { scoreOf } from "../../../api/detect/score.ts";
import type { Look } from "../../../db/look.ts";
import { opened, type Some } from "../../support/floods.ts";
import { atRest } from "../../support/hours.ts";
import { windowsBefore } from "../../support/looks.ts";
import { closerOf, judged, verdictOf } from "../../support/verdicts.ts";

describe("of a node that opens twice as many as ever", () => {
  const busy = (counted: number): Partial<Look> => ({
    hours: atRest().map((slot) => ({ ...slot, counts: { opened: 3_600 * counted } })),
    recent: windowsBefore(0, 10, () => ({ opened: 6_600 })),
  });
  const row = { opened: 3_300, dayMedian: 500 };
  test.each<[string, Some, string]>([
    ["an owner that opens as many as the whole node does usually", { row, look: busy(109.9) }, "warning"],
    ["fewer than that", { row, look: busy(110.1) }, "nothing"],
    ["nobody knows whether it always does", { row: { opened: 3_300 }, look: busy(109.9) }, "nothing"],
    ["it always does", { row: { ...row, dayMedian: 7_000 }, look: busy(109.9) }, "nothing"],
    [
      "nobody knows what is usual of the node",
      {
        row,
        look: {
          ...busy(109.9),
          hours: [],
          peers: windowsBefore(0, 8, () => ({ count: 20_000, opened: 3_000 })),
        },
      },
      "nothing",
    ],
  ])("%s", (_, some, expected) => {
    expect(verdictOf(judged("pod-flood", opened({ opened: 6_600, ...some })))).toBe(expected);
  });

  test("its score is high enough to look closer, and not higher", () => {
    const look = opened({ opened: 6_600, row, look: busy(109.9) });
    const score = scoreOf("opened", look)?.score ?? 0;
    expect(score).toBeGreaterThan(2);
    expect(score).toBeLessThan(4);
    expect(closerOf("pod-flood", look)?.flows).toBeDefined();
  });
});
