import type { Look, Need, NodeWindow } from "../../db/look.ts";
import type { ClusterView, Severity, Subject } from "../detect/rule.ts";
import { judgeCluster, judgeWindow, lookAt, peakAfter, wants } from "./engine.ts";
import type { Change, Live } from "./engine.ts";
import type { InForce } from "./in-force.ts";
import type { LifeTransition } from "./life.ts";

/** A window of the past with what may be asked about it, or a cluster as it was. */
export type PastStep =
  | {
      window: NodeWindow;
      late: boolean;
      previousTo?: number | undefined;
      look: (need: Need) => Promise<Look>;
    }
  | { view: ClusterView };

/** What would have been opened. Times are event time, epoch ms. */
export type Opening = {
  rule: string;
  ruleVersion: string;
  subject: Subject;
  /** When it began, and when it was certain. */
  openedAt: number;
  certainAt: number;
  /** When it ended; undefined: it did not. */
  resolvedAt?: number | undefined;
  /** The most severe it was. */
  severity: Severity;
  /** The worst value while it was open. */
  peak?: number | undefined;
  /** A few: a life eases and worsens no more than MAX_EASES times. */
  transitions: { at: number; transition: LifeTransition; severity: Severity }[];
};

export type Backtest = {
  /** In the order in which they became certain, at most MAX_OPENINGS. */
  openings: Opening[];
  /** How many more there were. */
  more: number;
  /** Windows seen, and those of them that had to be looked at closer. */
  windows: number;
  looks: number;
  /** True where it was stopped before the end of the period. */
  stopped: boolean;
};

/** What an answer may hold: who gets more has chosen thresholds that nobody wants. */
export const MAX_OPENINGS = 1000;

/**
 * Judges the past of one cluster with the rules given, in memory. Steps come in the order in which they came when they were new. `signal`
 * stops it: what was found so far is answered.
 */
export async function backtest(
  steps: AsyncIterable<PastStep> | Iterable<PastStep>,
  rules: InForce,
  signal?: AbortSignal,
): Promise<Backtest> {
  const past = new Past(rules);
  for await (const step of steps) {
    if (signal?.aborted) return { ...past.found(), stopped: true };
    if ("view" in step) past.saw(judgeCluster(step.view, rules, past.lives()));
    else if (!step.late) await past.judge(step);
  }
  return past.found();
}

/** Where lives of rules about clusters are kept. */
const CLUSTER = 0;

class Past {
  readonly #rules: InForce;
  /** By node, then by rule and subject. */
  readonly #lives = new Map<number, Map<string, Live>>();
  readonly #open = new Map<string, Opening>();
  readonly #openings: Opening[] = [];
  #more = 0;
  #windows = 0;
  #looks = 0;

  constructor(rules: InForce) {
    this.#rules = rules;
  }

  async judge({ window, previousTo, look }: Extract<PastStep, { window: NodeWindow }>): Promise<void> {
    this.#windows++;
    const lives = this.lives(window.nodeId);
    const need = wants(window, this.#rules, lives);
    if (!need) return;
    this.#looks++;
    const looked = await lookAt(look, need, this.#rules);
    this.saw(judgeWindow(looked, this.#rules, lives, previousTo), window.nodeId);
  }

  lives(nodeId = CLUSTER): Live[] {
    return [...(this.#lives.get(nodeId)?.values() ?? [])];
  }

  saw(changes: readonly Change[], nodeId = CLUSTER): void {
    for (const change of changes) {
      const key = JSON.stringify([change.rule, change.subject.key]);
      const lives = this.#lives.get(nodeId) ?? new Map<string, Live>();
      this.#lives.set(nodeId, lives);
      if (change.life) lives.set(key, { rule: change.rule, subject: change.subject, life: change.life });
      else lives.delete(key);
      this.#note(key, change);
    }
  }

  #note(key: string, change: Change): void {
    const { transition, life, at } = change;
    if (transition === "opened" || transition === "flapping") this.#opened(key, change);
    const opening = this.#open.get(key);
    if (!opening) return;
    followed(opening, change);
    if (transition !== "resolved") return;
    opening.resolvedAt = life?.endedAt ?? at;
    this.#open.delete(key);
  }

  #opened(key: string, { rule, ruleVersion, subject, life, severity, at }: Change): void {
    if (this.#openings.length >= MAX_OPENINGS) {
      this.#more++;
      return;
    }
    const opening: Opening = {
      rule,
      ruleVersion,
      subject,
      openedAt: life?.openedAt ?? at,
      certainAt: at,
      severity: severity ?? "warning",
      transitions: [],
    };
    this.#openings.push(opening);
    this.#open.set(key, opening);
  }

  found(): Backtest {
    return {
      openings: this.#openings,
      more: this.#more,
      windows: this.#windows,
      looks: this.#looks,
      stopped: false,
    };
  }
}

function followed(opening: Opening, change: Change): void {
  const { transition, severity, life, at } = change;
  opening.severity = life?.worst ?? opening.severity;
  opening.peak = peakAfter(opening.peak, change);
  if (transition && severity) opening.transitions.push({ at, transition, severity });
}
