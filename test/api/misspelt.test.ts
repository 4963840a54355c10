import { expect, test } from "vitest";
import { complaintsAbout, ruleNamed, thresholdsOf } from "../../api/detect/index.ts";
import { RuleName } from "../../api/alerts/known-rules.ts";
import { NewChannel } from "../../api/routes/channel-contract.ts";
import { BodyInstant, instantOf } from "../../api/window.ts";

const thresholds = (rule: string, values: Record<string, number>) => {
  const settings = { [rule]: { thresholds: values } };
  return {
    complaints: complaintsAbout(settings).length,
    limits: thresholdsOf(ruleNamed(rule)!, { version: 1, settings }),
  };
};

test("where all is well goes along with what was set alone", () => {
  const low = thresholds("table-pressure", { warn: 0.6 });
  expect(low.complaints).toBe(0);
  expect(low.limits["warnClose"]).toBeCloseTo((0.7 * 0.6) / 0.8);
  expect(thresholds("table-pressure", { warn: 0.75 }).limits["warnClose"]).toBe(0.7);
  expect(thresholds("table-pressure", { warn: 0.6, warnClose: 0.7 }).complaints).toBe(1);
  expect(thresholds("table-pressure", { warn: 0.95 }).complaints).toBe(1);
  const late = thresholds("time-to-full", { critical: 3 * 3_600_000 });
  expect([late.complaints, late.limits["criticalClose"]]).toEqual([0, 6 * 3_600_000]);
});

test.for([
  [["pod-flod"], false],
  [["pod-flood"], true],
  [["pod-*", "nothing-*"], false],
  [["*"], true],
] as const)("a filter of the rules %o: %s", ([rules, taken], { expect: that }) => {
  const channel = { kind: "slack", name: "ops", url: "https://hooks.slack.com/a", filter: { rules } };
  const parsed = NewChannel.safeParse(channel);
  that(parsed.success).toBe(taken);
  if (!parsed.success) that(parsed.error.issues[0]?.message).toContain("there are pod-flood, ");
});

test("a rule is asked for by its name", () => {
  expect(RuleName.safeParse("drops").success).toBe(true);
  expect(RuleName.safeParse("drop").error?.issues[0]?.message).toContain("drops");
});

test.for([
  ["2d", 1_000_000_000_000 - 2 * 86_400_000],
  ["2001-09-09T01:46:40Z", 1_000_000_000_000],
  ["5", 5],
  [5, 5],
  [5.5, undefined],
  [-1, undefined],
  ["soon", undefined],
] as const)("%o in a body is %o", ([given, at], { expect: that }) => {
  const parsed = BodyInstant.safeParse(given);
  that(parsed.data && instantOf(parsed.data, 1_000_000_000_000)).toBe(at);
});
