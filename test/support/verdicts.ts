import { RULES, thresholdsOf } from "../../api/detect/index.ts";
import type {
  ClusterRule,
  Judged,
  NodeRule,
  Rule,
  RuleSettings,
  Severity,
  Subject,
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
export const judged = (name: string, look: Look, known: readonly Subject[] = [], some: Else = {}): Judged[] =>
  (ruleOf(name) as NodeRule).judge(look, limitsOf(name, some.settings), known, openOf(some));

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
