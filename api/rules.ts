import * as z from "zod";
import type { StoredRules } from "../db/queries/rule-settings.ts";
import { Time, toTimeOrNull } from "./contract.ts";
import { complaintsAbout, isEnabled, RULES, thresholdsOf } from "./detect/index.ts";
import type { Rule, RuleSet, RuleSettings } from "./detect/rule.ts";
import { invalid } from "./problem.ts";

const MAX_RULES = 100;
const MAX_NAME = 100;

const Duration = z.int().meta({ description: "In ms." });
const Need = z.object({ windows: z.int(), ms: Duration });

export const RuleAnswer = z
  .object({
    name: z.string().meta({ example: "pod-flood" }),
    title: z.string(),
    scope: z
      .enum(["node", "cluster"])
      .meta({ description: "Whether it judges each window of each node, or a cluster once a minute." }),
    revision: z.int(),
    unit: z.string(),
    series: z.string().optional().meta({ description: "The metric of /v1/series behind it." }),
    enabled: z.boolean(),
    thresholds: z.record(
      z.string(),
      z.object({
        title: z.string(),
        unit: z.string(),
        value: z.number().meta({ description: "In force." }),
        default: z.number(),
        min: z.number(),
        max: z.number(),
        set: z.boolean().meta({ description: "Whether it was set here." }),
      }),
    ),
    policy: z
      .object({ need: Need, critical: Need.optional(), clearMs: Duration, cooldownMs: Duration })
      .meta({
        description: "How long it has to be wrong to open, and right to resolve, by the time of the windows.",
      }),
  })
  .meta({ id: "Rule" });

export const RulesAnswer = z
  .object({
    cluster: z.string(),
    version: z.int().meta({ description: "Of what was set; 0: nothing yet." }),
    at: Time.nullable().meta({ description: "When it was set." }),
    rules: z.array(RuleAnswer),
  })
  .meta({ id: "Rules" });

const SettingsOfRule = z.strictObject({
  enabled: z.boolean().optional(),
  thresholds: z.record(z.string().max(MAX_NAME), z.number()).optional(),
});

/** By rule; what is left out is as the rule has it. */
export const RuleSettingsBody = z
  .record(z.string().max(MAX_NAME), SettingsOfRule)
  .refine((rules) => Object.keys(rules).length <= MAX_RULES, `over ${MAX_RULES} rules`);

export const NewRules = z
  .object({
    version: z.int().min(0).optional().meta({
      description: "The version that these take the place of: where it is another by now, nothing is set.",
    }),
    rules: RuleSettingsBody.meta({
      description: "All that is to be set: what is left out has its default again.",
    }),
  })
  .meta({ id: "NewRules" });

/** Settings that may be set, or a problem that lists all that is wrong with them. */
export function checkedSettings(settings: Record<string, RuleSettings>, detail: string): RuleSet["settings"] {
  const complaints = complaintsAbout(settings);
  if (complaints.length === 0) return settings;
  throw invalid(
    detail,
    complaints.map(({ path, message }) => ({ path: ["rules", ...path], message })),
  );
}

export const ruleSetOf = ({ version, settings }: StoredRules): RuleSet => ({
  version,
  settings: settings as RuleSet["settings"],
});

export function rulesAnswer(cluster: string, stored: StoredRules): z.infer<typeof RulesAnswer> {
  const set = ruleSetOf(stored);
  return {
    cluster,
    version: stored.version,
    at: toTimeOrNull(stored.at ?? null),
    rules: RULES.map((rule) => ruleAnswer(rule, set)),
  };
}

function ruleAnswer(rule: Rule, set: RuleSet): z.infer<typeof RuleAnswer> {
  const { name, title, scope, revision, unit, series, policy } = rule;
  const values = thresholdsOf(rule, set);
  const given = set.settings[name]?.thresholds ?? {};
  const thresholds = Object.entries(rule.thresholds).map(
    ([key, { title, unit, default: usual, min, max }]) => [
      key,
      { title, unit, value: values[key] ?? usual, default: usual, min, max, set: Object.hasOwn(given, key) },
    ],
  );
  return {
    name,
    title,
    scope,
    revision,
    unit,
    ...(series !== undefined && { series }),
    enabled: isEnabled(rule, set),
    thresholds: Object.fromEntries(thresholds) as z.infer<typeof RuleAnswer>["thresholds"],
    policy: {
      need: policy.need,
      ...(policy.critical && { critical: policy.critical }),
      clearMs: policy.clearMs,
      cooldownMs: policy.cooldownMs,
    },
  };
}
