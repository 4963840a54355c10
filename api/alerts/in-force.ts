import { isEnabled, thresholdsOf } from "../detect/index.ts";
import { policyOf } from "../detect/rule.ts";
import type { ClusterRule, NodeRule, Policy, Rule, RuleSet, Thresholds } from "../detect/rule.ts";

type With<R extends Rule> = { rule: R; thresholds: Thresholds; policy: Policy; version: string };

/** The rules of a cluster that are enabled, with what users set. Made once for many windows. */
export type InForce = {
  node: readonly With<NodeRule>[];
  cluster: readonly With<ClusterRule>[];
  /** By name. */
  enabled: ReadonlyMap<string, With<Rule>>;
  /** "revision.version" of a rule, disabled ones too. */
  versionOf(rule: string): string;
};

/** What is in force of `rules` where users set `set`. */
export function inForce(rules: readonly Rule[], set: RuleSet): InForce {
  const all = rules.map((rule) => {
    const thresholds = thresholdsOf(rule, set);
    const policy = policyOf(rule, thresholds);
    return { rule, thresholds, policy, version: `${rule.revision}.${set.version}` };
  });
  const enabled = all.filter(({ rule }) => isEnabled(rule, set));
  const revisions = new Map(all.map(({ rule, version }) => [rule.name, version]));
  return {
    node: enabled.filter((one): one is With<NodeRule> => one.rule.scope === "node"),
    cluster: enabled.filter((one): one is With<ClusterRule> => one.rule.scope === "cluster"),
    enabled: new Map(enabled.map((one) => [one.rule.name, one])),
    versionOf: (rule) => revisions.get(rule) ?? `0.${set.version}`,
  };
}
