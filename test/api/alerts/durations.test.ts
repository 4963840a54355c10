import { test } from "vitest";
import { inForce } from "../../../api/alerts/in-force.ts";
import { complaintsAbout, RULES } from "../../../api/detect/index.ts";

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
