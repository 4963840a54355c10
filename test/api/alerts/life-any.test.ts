import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Policy } from "../../../api/detect/rule.ts";
import { oracle } from "./life-oracle.ts";
import type { Said, Told } from "./life-oracle.ts";
import { happenings, live, MIN, POLICY, S, T, told } from "./life-told.ts";

const SAID: readonly Said[] = ["unknown", "clear", "between", "warning", "critical"];
const histories = fc
  .array(
    fc.record({
      said: fc.constantFrom(...SAID),
      times: fc.integer({ min: 1, max: 9 }),
      length: fc.constantFrom(5 * S, 30 * S, MIN, 5 * MIN),
      gap: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, S, 90 * S, 91 * S, 16 * MIN),
    }),
    { maxLength: 40 },
  )
  .map((parts): Told[] => {
    let to = T;
    return parts.flatMap(({ said, times, length, gap }) => {
      to += gap;
      return Array.from({ length: times }, () => {
        const from = to;
        to += length;
        return { from, to, said };
      });
    });
  });
const need = fc.record({
  windows: fc.integer({ min: 1, max: 4 }),
  ms: fc.integer({ min: 0, max: 5 }).map((m) => m * MIN),
});
const policies: fc.Arbitrary<Policy> = fc.record({
  need,
  critical: fc.option(need, { nil: undefined }),
  clearMs: fc.constantFrom(0, 30 * S, 5 * MIN, 10 * MIN),
  cooldownMs: fc.constantFrom(0, 0, MIN, 20 * MIN),
});

describe("a life", () => {
  it("is what the whole history says, for any windows and policy", () => {
    fc.assert(
      fc.property(histories, policies, (history, policy) => {
        expect(happenings(live(history, policy))).toEqual(oracle(history, policy));
      }),
      { numRuns: 1500 },
    );
  });

  it("may be forgotten when it says so, and is written whenever it differs", () => {
    fc.assert(
      fc.property(histories, policies, (history, policy) => {
        const steps = live(history, policy);
        expect(happenings(live(history, policy, true))).toEqual(happenings(steps));
        for (const { changed, before, life } of steps) {
          expect(changed).toBe(JSON.stringify(before) !== JSON.stringify(life));
          if (life) expect(JSON.stringify(life).length).toBeLessThan(400);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("opens only, resolves what is open, and is never open twice", () => {
    fc.assert(
      fc.property(histories, policies, (history, policy) => {
        let wasOpen = false;
        let wasCritical = false;
        for (const { transition, life } of live(history, policy)) {
          const opens = transition === "opened" || transition === "flapping";
          if (transition) expect(wasOpen).toBe(!opens);
          if (transition === "worsened") expect(wasCritical).toBe(false);
          if (transition === "eased") expect(wasCritical).toBe(true);
          const isOpen = life?.phase === "open";
          expect(isOpen).toBe(opens || (wasOpen && transition !== "resolved"));
          wasOpen = isOpen;
          wasCritical = life?.severity === "critical";
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is not written in long runs", () => {
    const history = told(
      ["warning", 120],
      ["clear", 10],
      ["warning", 120],
      ["clear", 200],
      ["warning", 1],
      ["clear", 60],
    );
    const written = live(history, POLICY).filter(({ changed }) => changed);
    // Pending, open; clear, not clear; clear, resolved; bad again, opened, clear, resolved.
    expect(written).toHaveLength(10);
  });
});
