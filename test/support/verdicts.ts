import { RULES, thresholdsOf } from "../../api/detect/index.ts";
import type {
  ClusterRule,
  Judged,
  NodeRule,
  Rule,
  RuleSettings,
  Severity,
  Subject,
  Thresholds,
} from "../../api/detect/rule.ts";
import type { ClusterView, Look, Need, NodeWindow } from "../../db/look.ts";

const ruleOf = (name: string): Rule => {
  const rule = RULES.find((each) => each.name === name);
  if (!rule) throw new Error(`no rule ${name}`);
  return rule;
};

const limitsOf = (name: string, settings: RuleSettings = {}) =>
  thresholdsOf(ruleOf(name), { version: 1, settings: { [name]: settings } });

export const gateOf = (name: string, window: NodeWindow, settings?: RuleSettings): Need | undefined =>
  (ruleOf(name) as NodeRule).gate(window, limitsOf(name, settings));

/** Severity of what is open, by key; and what users set. */
type Else = { open?: Readonly<Record<string, Severity>>; settings?: RuleSettings };
const openOf = ({ open = {} }: Else) => new Map(Object.entries(open));

/** What the rule says of the look, with its defaults and nothing pending or open unless said. */
export function judged(name: string, look: Look, known: readonly Subject[] = [], some: Else = {}): Judged[] {
  const rule = ruleOf(name) as NodeRule;
  const limits = limitsOf(name, some.settings);
  const found = rule.judge(look, limits, known, openOf(some));
  if (found.some(({ finding }) => finding.verdict === "bad")) mustHaveAsked(rule, look, limits);
  return found;
}

/** What is bad must be found: a rule that asks step by step must have asked for owners. */
function mustHaveAsked(rule: NodeRule, look: Look, limits: Thresholds): void {
  const { flows: _, peers: __, ...first } = look;
  if (rule.closer && rule.gate(look.window, limits) && !rule.closer(first, limits)?.flows)
    throw new Error(`${rule.name} finds something bad that it would not have asked for`);
}

/** What the rule asks for once it has what its gate asked for. */
export const closerOf = (name: string, look: Look): Need | undefined =>
  (ruleOf(name) as NodeRule).closer?.(look, limitsOf(name));

export const viewJudged = (
  name: string,
  view: ClusterView,
  known: readonly Subject[] = [],
  some: Else = {},
): Judged[] => (ruleOf(name) as ClusterRule).judge(view, limitsOf(name, some.settings), known, openOf(some));

/** Verdict, and severity where it is bad, of the only subject; "nothing" where there is none. */
export function verdictOf(all: readonly Judged[]): string {
  const [first, second] = all;
  if (!first) return "nothing";
  if (second) return "several";
  return first.finding.verdict === "bad" ? first.finding.severity : first.finding.verdict;
}
