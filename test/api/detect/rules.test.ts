import { expect, test } from "vitest";
import { complaintsAbout, isEnabled, ruleNamed, RULES, thresholdsOf } from "../../../api/detect/index.ts";
import type { Rule, RuleSettings, RuleSet } from "../../../api/detect/rule.ts";
import { SERIES_METRICS } from "../../../db/queries/series/metrics.ts";

const pressure = ruleNamed("table-pressure") as Rule;
const setOf = (settings: Record<string, RuleSettings>): RuleSet => ({ version: 1, settings });
const pressing = (thresholds: Record<string, number>) => ({ "table-pressure": { thresholds } });

test("the rules there are", () => {
  expect(RULES.map(({ name }) => name).toSorted()).toEqual([
    "blind-agent",
    "close-wait",
    "drops",
    "fleet-shift",
    "half-open",
    "idle-established",
    "invalid",
    "pod-flood",
    "ports",
    "settings-drift",
    "silent-node",
    "table-pressure",
    "time-to-full",
  ]);
  expect(ruleNamed("no-such-rule")).toBeUndefined();
});

test.each(RULES.map((rule) => [rule.name, rule] as const))(
  "%s has defaults within what may be set, and a series there is",
  (_, rule) => {
    for (const [name, { default: value, min, max, title }] of Object.entries(rule.thresholds)) {
      expect({ name, fits: value >= min && value <= max, titled: title.length > 0 }).toEqual({
        name,
        fits: true,
        titled: true,
      });
    }
    expect(complaintsAbout({ [rule.name]: { thresholds: thresholdsOf(rule, setOf({})) } })).toEqual([]);
    expect(rule.series === undefined || SERIES_METRICS.some((metric) => metric === rule.series)).toBe(true);
    expect(rule.policy.need.windows).toBeGreaterThan(0);
  },
);

test("rules are on until they are switched off", () => {
  expect(isEnabled(pressure, setOf({}))).toBe(true);
  expect(isEnabled(pressure, setOf(pressing({})))).toBe(true);
  expect(isEnabled(pressure, setOf({ "table-pressure": { enabled: false } }))).toBe(false);
  expect(isEnabled(pressure, setOf({ drops: { enabled: false } }))).toBe(true);
});

test("thresholds are the defaults but for what is set and fits", () => {
  const of = (thresholds: Record<string, number>) => thresholdsOf(pressure, setOf(pressing(thresholds)));
  expect(of({})).toMatchObject({ warn: 0.8, critical: 0.9, warnClose: 0.7, criticalClose: 0.8 });
  expect(of({ warn: 0.85 })).toMatchObject({ warn: 0.85, critical: 0.9 });
  expect(of({ warn: 0.049, critical: 1.01 })).toMatchObject({ warn: 0.8, critical: 0.9 });
  expect(of({ warn: Number.NaN, toString: 1, noSuch: 1 })).toEqual(of({}));
});

test.each([
  ["the least there may be", pressing({ warnClose: 0.05 }), []],
  ["less than that", pressing({ warnClose: 0.049 }), ["table-pressure.thresholds.warnClose"]],
  ["the most there may be", pressing({ critical: 1 }), []],
  ["more than that", pressing({ critical: 1.001 }), ["table-pressure.thresholds.critical"]],
  ["no number", pressing({ critical: Number.NaN }), ["table-pressure.thresholds.critical"]],
  ["no threshold of this rule", pressing({ toString: 1 }), ["table-pressure.thresholds.toString"]],
  ["no rule", { "no-such-rule": { enabled: false } }, ["no-such-rule"]],
  ["nothing but a switch", { drops: { enabled: false } }, []],
  ["as much as the next", pressing({ warn: 0.9 }), []],
  ["above the next", pressing({ warn: 0.901 }), ["table-pressure.thresholds.warn"]],
  ["a default above what is set", pressing({ critical: 0.75 }), ["table-pressure.thresholds.warn"]],
  [
    "all that is wrong at once",
    { ...pressing({ warn: 2, noSuch: 1 }), none: {}, drops: { thresholds: { warn: 0 } } },
    ["table-pressure.thresholds.warn", "table-pressure.thresholds.noSuch", "none", "drops.thresholds.warn"],
  ],
])("whoever sets %s is told where it is wrong", (_, settings, paths) => {
  expect(complaintsAbout(settings).map(({ path }) => path.join("."))).toEqual(paths);
});

test("complaints say what there is and what may be", () => {
  const [rule] = complaintsAbout({ typo: {} });
  expect(rule?.message).toContain("table-pressure, ");
  const [name] = complaintsAbout(pressing({ typo: 1 }));
  expect(name?.message).toContain("warnClose, warn, criticalClose, critical");
  const [value] = complaintsAbout(pressing({ warn: 3 }));
  expect(value?.message).toBe("is 3, not from 0.05 to 1 (ratio)");
  const [order] = complaintsAbout(pressing({ warn: 0.95 }));
  expect(order?.message).toBe("is 0.95, above critical, which is 0.9");
});
