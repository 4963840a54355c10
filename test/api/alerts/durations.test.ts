import { test } from "vitest";
import { inForce } from "../../../api/alerts/in-force.ts";
import { advance, type Life } from "../../../api/alerts/life.ts";
import { complaintsAbout, ruleNamed, RULES } from "../../../api/detect/index.ts";

const policyWith = (rule: string, thresholds: Record<string, number>) =>
  inForce(RULES, { version: 1, settings: { [rule]: { thresholds } } }).enabled.get(rule)?.policy;

test("how long things have to last is as each rule has it, unless users set it", ({ expect }) => {
  for (const { name, policy } of RULES) expect(policyWith(name, {}), name).toEqual(policy);
  const [rule] = RULES.filter(({ policy }) => policy.critical);
  const { need, critical } = rule?.policy ?? {};
  expect(policyWith(rule?.name ?? "", { needMs: 1_000, clearMs: 0, cooldownMs: 5 })).toEqual({
    need: { ...need, ms: 1_000 },
    critical: { ...critical, ms: Math.min(critical?.ms ?? 0, 1_000) },
    clearMs: 0,
    cooldownMs: 5,
  });
});

test.for([
  [0, 0],
  [86_400_000, 0],
  [86_400_001, 1],
  [-1, 1],
] as const)("%i ms: %i complaints", ([clearMs, complaints], { expect }) => {
  expect(complaintsAbout({ "pod-flood": { thresholds: { clearMs } } })).toHaveLength(complaints);
});

test.for(["pod-flood", "half-open"])(
  "%s opens with the second window of 30 s, and with no burst of 10 s",
  (name, { expect }) => {
    const policy = ruleNamed(name)?.policy;
    if (!policy) throw new Error(`no rule ${name}`);
    const openedBy = (windowMs: number) => {
      let life: Life | undefined;
      for (let windows = 1; windows < 20; windows += 1) {
        const from = 1_000_000 + windows * windowMs;
        const finding = { verdict: "bad", severity: "warning", value: 1 } as const;
        life = advance(life, finding, { from, to: from + windowMs, previousTo: from }, policy).life;
        if (life?.phase === "open") return windows;
      }
      return undefined;
    };
    expect([300_000, 30_000, 15_000, 5_000].map(openedBy)).toEqual([2, 2, 3, 9]);
  },
);
