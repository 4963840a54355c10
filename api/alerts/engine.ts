import type { Look, Need, NodeWindow } from "../../db/look.ts";
import type {
  ClusterView,
  Finding,
  Judged,
  NodeRule,
  Policy,
  Rule,
  Severity,
  Subject,
  Thresholds,
} from "../detect/rule.ts";
import { admit, standsForOthers } from "./admission.ts";
import type { InForce } from "./in-force.ts";
import { advance, end, followsGap, isAwake } from "./life.ts";
import type { EndReason, Life, LifeTransition, Span, Step } from "./life.ts";

/** A subject that is remembered. `subject` is as it was last named. */
export type Live = { rule: string; subject: Subject; life: Life };

/** What judging says of one subject: that its life changed, or that it is open and what it is now. */
export type Change = {
  rule: string;
  /** "revision.version" in force. */
  ruleVersion: string;
  subject: Subject;
  before: Life | undefined;
  /** undefined: nothing is left to remember. */
  life: Life | undefined;
  /** The life must be written. */
  changed: boolean;
  finding: Finding;
  /** Of the rule. */
  lowerIsWorse?: true | undefined;
  /** Event time: the end of the window, or the time of the view. */
  at: number;
  transition?: LifeTransition | undefined;
  reason?: EndReason | undefined;
  /** Of what is open now, or of what just resolved; undefined while it is neither. */
  severity?: Severity | undefined;
};

const RATES: ReadonlySet<Rule["unit"]> = new Set(["flows/s", "packets/s"]);

/** The worst value so far, where `peak` was it before; undefined before anything bad was measured. */
export function peakAfter(
  peak: number | undefined,
  { finding, lowerIsWorse }: Pick<Change, "finding" | "lowerIsWorse">,
): number | undefined {
  if (finding.verdict !== "bad") return peak;
  if (peak === undefined) return finding.value;
  return lowerIsWorse ? Math.min(peak, finding.value) : Math.max(peak, finding.value);
}

/** Whether the window alone passes some rule's gate: a tick is worth while at once. */
export const isUrgent = (window: NodeWindow, rules: InForce): boolean =>
  rules.node.some(
    ({ rule, thresholds }) => rule.urgent !== false && rule.gate(window, thresholds) !== undefined,
  );

/** What must be known to judge a window, given what lives on its node; undefined: there is nothing to judge. */
export function wants(window: NodeWindow, rules: InForce, lives: readonly Live[]): Need | undefined {
  const awake = awakeOf(lives);
  let all: Need | undefined;
  for (const { rule, thresholds } of rules.node) {
    const needs = [rule.gate(window, thresholds), awake.has(rule.name) ? (rule.needOf ?? {}) : undefined];
    for (const need of needs) if (need) all = all ? union(all, need) : need;
  }
  return all ?? (lives.some((live) => isOrphan(live, rules)) ? {} : undefined);
}

/** What else must be known of it, once that is there; undefined: nothing. */
export function wantsMore(look: Look, rules: InForce): Need | undefined {
  let all: Need | undefined;
  for (const { rule, thresholds } of rules.node) {
    const need = rule.gate(look.window, thresholds) && rule.closer?.(look, thresholds);
    if (need) all = all ? union(all, need) : need;
  }
  return all;
}

/** What must be known of a window, loaded step by step. `need`: what it wants. */
export async function lookAt(load: (need: Need) => Promise<Look>, need: Need, rules: InForce): Promise<Look> {
  const look = await load(need);
  const more = wantsMore(look, rules);
  return more ? completed(look, await load(more)) : look;
}

/** What both know, and where both do, as `more` does. */
export const completed = (look: Look, more: Look): Look => ({
  ...look,
  ...Object.fromEntries(Object.entries(more).filter(([, part]) => part !== undefined)),
});

function union(one: Need, other: Need): Need {
  const parts = Object.entries(other).filter(([, wanted]) => wanted !== undefined);
  const all: Need = { ...one, ...Object.fromEntries(parts) };
  if (!one.flows || !other.flows) return all;
  const from = Math.min(one.flows.medianFrom ?? Infinity, other.flows.medianFrom ?? Infinity);
  return { ...all, flows: from === Infinity ? {} : { medianFrom: from } };
}

const awakeOf = (lives: readonly Live[]): Set<string> =>
  new Set(lives.filter(({ life }) => isAwake(life)).map(({ rule }) => rule));

const knownOf = (own: readonly Live[]): Subject[] =>
  own.filter(({ subject, life }) => isAwake(life) && !standsForOthers(subject)).map(({ subject }) => subject);

const openOf = (own: readonly Live[]): Map<string, Severity> =>
  new Map(
    own.flatMap(({ subject, life: { phase, severity } }) =>
      phase === "open" && severity ? [[subject.key, severity]] : [],
    ),
  );

/** Awake, though its rule is disabled or no more. */
const isOrphan = ({ rule, life }: Live, rules: InForce): boolean => !rules.enabled.has(rule) && isAwake(life);

/** Ends what lives by rules that are disabled (or no more) at `at`. */
export const endDisabled = (rules: InForce, lives: readonly Live[], at: number): Change[] =>
  lives
    .filter((live) => isOrphan(live, rules))
    .map((live) =>
      changeOf(live, end(live.life, at, "disabled"), { rules, finding: { verdict: "unknown" }, at }),
    );

/**
 * Judges a window. `lives`: all that lives on the node; those of rules about clusters are let be. Late windows are not
 * judged. `previousTo`: when the node's window before it ended. Answers what changed, and what is open.
 */
export function judgeWindow(
  look: Look,
  rules: InForce,
  lives: readonly Live[],
  previousTo: number | undefined = look.recent.at(-1)?.to,
): Change[] {
  const { window } = look;
  const span: Span = { from: window.from, to: window.to, previousTo };
  const changes = endDisabled(rules, lives, window.to);
  for (const { rule, thresholds, policy } of rules.node) {
    const own = lives.filter((live) => live.rule === rule.name);
    if (!isToJudge(rule, window, thresholds, own)) continue;
    const judged = rule.judge(look, thresholds, knownOf(own), openOf(own));
    changes.push(...applied(rule, admit(judged, own, window.node), own, { rules, policy, span }));
  }
  return changes;
}

const isToJudge = (
  rule: NodeRule,
  window: NodeWindow,
  thresholds: Thresholds,
  own: readonly Live[],
): boolean => own.some(({ life }) => isAwake(life)) || rule.gate(window, thresholds) !== undefined;

/** Judges a cluster as it is at `view.at`. `lives`: all that lives in it; those of rules about nodes are let be, unless disabled. */
export function judgeCluster(view: ClusterView, rules: InForce, lives: readonly Live[]): Change[] {
  const { at } = view;
  // The views before were seen, unless the service itself was away.
  const span: Span = { from: at, to: at, previousTo: view.watchedSince < at ? at : undefined };
  const changes = endDisabled(rules, lives, at);
  for (const { rule, thresholds, policy } of rules.cluster) {
    const own = lives.filter((live) => live.rule === rule.name);
    const judged = rule.judge(view, thresholds, knownOf(own), openOf(own));
    changes.push(...applied(rule, admit(judged, own), own, { rules, policy, span }));
  }
  return changes;
}

type Judging = { rules: InForce; policy: Policy; span: Span };

/** What findings do to the lives of one rule; what it knows and does not name is clear. */
function applied(
  rule: Rule,
  judged: readonly Judged[],
  own: readonly Live[],
  { rules, policy, span }: Judging,
): Change[] {
  const known = new Map(own.map((live) => [live.subject.key, live]));
  const named = new Set(judged.map(({ subject }) => subject.key));
  const unnamed = own
    .filter(({ subject, life }) => isAwake(life) && !named.has(subject.key))
    .map(({ subject }): Judged => ({ subject, finding: { verdict: "clear", value: 0 } }));
  const blind = RATES.has(rule.unit) && followsGap(span);
  const changes: Change[] = [];
  for (const { subject, finding, over } of [...judged, ...unnamed]) {
    const live = known.get(subject.key);
    // What was counted since the window before the gap is no rate of this one.
    const said: Finding = blind && finding.verdict === "bad" ? { verdict: "unknown" } : finding;
    const step = over ? ended(live?.life, span, over) : advance(live?.life, said, span, policy);
    if (step.changed || step.life?.phase === "open")
      changes.push(
        changeOf({ rule: rule.name, subject, life: live?.life }, step, { rules, finding: said, at: span.to }),
      );
  }
  return changes;
}

/** What nobody remembers needs no end. */
const ended = (life: Life | undefined, { to }: Span, reason: EndReason): Step =>
  life ? end(life, to, reason) : { life, changed: false };

function changeOf(
  live: { rule: string; subject: Subject; life: Life | undefined },
  step: Step,
  { rules, finding, at }: { rules: InForce; finding: Finding; at: number },
): Change {
  const { rule, subject, life: before } = live;
  const severity =
    step.life?.phase === "open"
      ? step.life.severity
      : step.transition === "resolved"
        ? before?.severity
        : undefined;
  const ruleVersion = rules.versionOf(rule);
  const lowerIsWorse = rules.enabled.get(rule)?.rule.lowerIsWorse;
  return { rule, ruleVersion, lowerIsWorse, subject, before, finding, at, severity, ...step };
}
