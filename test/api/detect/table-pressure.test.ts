import { expect, test } from "vitest";
import type { NodeWindow } from "../../../db/look.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import { aLook, aParty, aPartyRow, aWindow, someFlows } from "../../support/looks.ts";

/** Of a table for 10,000. */
const filled = (count: number, some: Partial<NodeWindow> = {}) => aWindow(0, { count, max: 10_000, ...some });
const verdict = (window: NodeWindow, open?: "warning" | "critical") =>
  verdictOf(judged("table-pressure", aLook(window), [], { open: open ? { "node-1": open } : {} }));

test.each([
  [6_999, "clear"],
  [7_000, "between"],
  [7_999, "between"],
  [8_000, "warning"],
  [8_999, "warning"],
  [9_000, "critical"],
  [10_100, "critical"],
])("%i of 10,000 is %s", (count, said) => {
  expect(verdict(filled(count))).toBe(said);
  expect(gateOf("table-pressure", filled(count)) !== undefined).toBe(count >= 8_000);
});

test("what is critical stays so down to a level of its own", () => {
  expect(verdict(filled(8_000), "critical")).toBe("critical");
  expect(verdict(filled(7_999), "critical")).toBe("between");
  expect(verdict(filled(8_999), "warning")).toBe("warning");
});

test("users' own limits hold", () => {
  const settings = { thresholds: { critical: 0.85, criticalClose: 0.81, warn: 0.6 } };
  const said = (count: number) =>
    verdictOf(
      judged("table-pressure", aLook(filled(count)), [], { settings, open: { "node-1": "critical" } }),
    );
  expect([8_500, 8_100, 8_099, 5_999].map(said)).toEqual(["critical", "critical", "warning", "between"]);
  // It was 70 % for a warning at 80 %, and goes along to 52.5 %.
  expect([5_251, 5_249].map(said)).toEqual(["between", "clear"]);
  expect(gateOf("table-pressure", filled(6_000), settings)).toBeDefined();
});

test("entries of a dump stand in for a count, those of an older dump do not", () => {
  expect(verdict(filled(0, { count: undefined, entries: 9_500 }))).toBe("critical");
  expect(verdict(filled(0, { count: undefined, entries: 9_500, takenAt: aWindow().from - 1 }))).toBe(
    "unknown",
  );
});

test.each([
  ["no limit is known", { max: undefined }],
  ["the kernel has no limit", { max: 0 }],
  ["nothing is counted", { count: undefined, entries: undefined }],
])("nothing is said where %s", (_, some) => {
  expect(verdict(filled(9_999, some))).toBe("unknown");
  expect(gateOf("table-pressure", filled(9_999, some))).toBeUndefined();
});

test("those who have most of it are named, and how much there is of what", () => {
  const window = filled(9_000);
  const parties = [100, 5_000, 700, 3_000].map((entries, i) => aPartyRow(aParty(`pod-${i}`), { entries }));
  const [one] = judged("table-pressure", aLook(window, { flows: someFlows(window, { parties }) }));
  expect(one).toMatchObject({
    subject: { kind: "node", key: "node-1", node: "node-1" },
    finding: {
      value: 0.9,
      limit: 0.9,
      facts: { used: 9_000, max: 10_000 },
      contributors: [
        { party: { name: "pod-1" }, value: 5_000 },
        { party: { name: "pod-3" }, value: 3_000 },
        { party: { name: "pod-2" }, value: 700 },
      ],
    },
  });
});
