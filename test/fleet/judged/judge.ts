import {
  type Change,
  completed,
  judgeCluster,
  judgeWindow,
  type Live,
  wants,
  wantsMore,
} from "../../../api/alerts/engine.ts";
import type { InForce } from "../../../api/alerts/in-force.ts";
import { forgetAt } from "../../../api/alerts/life.ts";
import type { Severity, Subject } from "../../../api/detect/rule.ts";
import type { NodeWindow } from "../../../db/look.ts";
import type { SimFleet } from "./fleet.ts";
import type { SimNode } from "./node.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LEARNT_MS = 12 * HOUR_MS;

export const SAMPLED = 50;

/** An anomaly that opened. Times are of the windows: `at` is the end of the one by which it was certain. */
export type Opening = {
  rule: string;
  /** Of one node, or of the cluster. */
  node?: string;
  party?: string;
  subject: string;
  at: number;
  severity: Severity;
  /** When it was critical first. */
  criticalAt?: number;
  resolvedAt?: number;
  value?: number;
  limit?: number;
  baseline?: number;
  score?: number;
  cause?: string;
  /** What the window that opened it told. */
  window?: string;
};

export type JudgedRun = {
  openings: Opening[];
  windows: number;
  /** Windows of which more had to be known. */
  looks: number;
  /** And of those, windows of which more still had to be known. */
  deepLooks: number;
  /** How often each rule's gate passed, of one window in SAMPLED. */
  passes: Record<string, number>;
  /** In all, in µs: gates of each window, judging of those looked at closer (without what loading them takes), and of views. */
  cost: { gatesUs: number; judgingUs: number; viewsUs: number; views: number };
};

/** Judges all that a fleet tells, as the service would, and notes what opens. */
export class Judge {
  readonly run: JudgedRun = {
    openings: [],
    windows: 0,
    looks: 0,
    deepLooks: 0,
    passes: {},
    cost: { gatesUs: 0, judgingUs: 0, viewsUs: 0, views: 0 },
  };
  private readonly fleet: SimFleet;
  private readonly rules: InForce;
  private readonly lives = new Map<number, Live[]>();
  private clusterLives: Live[] = [];
  private readonly open = new Map<string, Opening>();

  constructor(fleet: SimFleet, rules: InForce) {
    this.fleet = fleet;
    this.rules = rules;
  }

  /**
   * One window of all nodes, and the cluster as it is after a whole minute. What is not scored is not judged, but for half a day before:
   * nothing that rules know of is older, but what was usual.
   */
  step(): void {
    const { fleet, run } = this;
    const judges = fleet.at >= fleet.plan.scoredFrom - LEARNT_MS;
    fleet.step((window, node) => judges && this.judge(window, node));
    if (!judges || fleet.at % MINUTE_MS !== 0 || this.rules.cluster.length === 0) return;
    const view = fleet.view();
    const began = performance.now();
    const changes = judgeCluster(view, this.rules, this.clusterLives);
    run.cost.viewsUs += (performance.now() - began) * 1_000;
    run.cost.views += 1;
    if (changes.length > 0) this.clusterLives = this.applied(this.clusterLives, changes);
    if (fleet.at % HOUR_MS === 0) this.forget();
  }

  private judge(window: NodeWindow, node: SimNode): void {
    const { run, rules } = this;
    run.windows += 1;
    if (run.windows % SAMPLED === 0)
      for (const { rule, thresholds } of rules.node)
        if (rule.gate(window, thresholds)) run.passes[rule.name] = (run.passes[rule.name] ?? 0) + 1;
    const lives = this.lives.get(node.nodeId) ?? [];
    const began = performance.now();
    const need = wants(window, rules, lives);
    run.cost.gatesUs += (performance.now() - began) * 1_000;
    if (!need) return;
    run.looks += 1;
    const first = this.fleet.look(node, window, need);
    const more = wantsMore(first, rules);
    if (more) run.deepLooks += 1;
    const look = more ? completed(first, this.fleet.look(node, window, more)) : first;
    const loaded = performance.now();
    const changes = judgeWindow(look, rules, lives);
    run.cost.judgingUs += (performance.now() - loaded) * 1_000;
    if (changes.length > 0) this.lives.set(node.nodeId, this.applied(lives, changes, window));
  }

  private applied(lives: readonly Live[], changes: readonly Change[], window?: NodeWindow): Live[] {
    const kept = new Map(lives.map((live) => [keyOf(live), live]));
    for (const change of changes) {
      const { rule, subject, life } = change;
      if (life) kept.set(keyOf(change), { rule, subject, life });
      else kept.delete(keyOf(change));
      if (change.transition) this.note(change, window);
    }
    return [...kept.values()];
  }

  private note(change: Change, window: NodeWindow | undefined): void {
    const key = keyOf(change);
    const { transition, at } = change;
    if (transition === "opened" || transition === "flapping") {
      const opening = openingOf(change, window);
      this.open.set(key, opening);
      this.run.openings.push(opening);
    }
    const opening = this.open.get(key);
    if (!opening) return;
    if (change.severity === "critical") opening.criticalAt ??= at;
    if (transition === "resolved") {
      opening.resolvedAt = at;
      this.open.delete(key);
    }
  }

  /** As the tick does, so that lists of lives stay short. */
  private forget(): void {
    const { at } = this.fleet;
    const stays = ({ life }: Live) => (forgetAt(life) ?? Number.POSITIVE_INFINITY) > at;
    for (const [node, lives] of this.lives) this.lives.set(node, lives.filter(stays));
    this.clusterLives = this.clusterLives.filter(stays);
  }
}

/** A node's name is in its subject, else two nodes' subjects of one key would be one. */
const keyOf = ({ rule, subject }: { rule: string; subject: Subject }): string =>
  `${rule}\u0000${subject.node ?? ""}\u0000${subject.key}`;

function openingOf(change: Change, window: NodeWindow | undefined): Opening {
  const { rule, subject, finding, at, severity } = change;
  const { value, limit, baseline, score, cause } =
    finding.verdict === "unknown" ? {} : (finding as Partial<Opening>);
  return {
    rule,
    subject: subject.key,
    at,
    severity: severity ?? "warning",
    ...(subject.node !== undefined && { node: subject.node }),
    ...(subject.party && { party: subject.party.name }),
    ...(value !== undefined && { value }),
    ...(limit !== undefined && { limit }),
    ...(baseline !== undefined && { baseline }),
    ...(score !== undefined && { score }),
    ...(cause !== undefined && { cause }),
    ...(window && { window: told(window) }),
  };
}

function told(window: NodeWindow): string {
  const keys = [
    "count",
    "entries",
    "unreplied",
    "synSent",
    "established",
    "closeWait",
    "timeWait",
    "udp",
    "snat",
    "opened",
    "found",
    "invalid",
    "insertFailed",
    "drop",
    "earlyDrop",
    "tableFull",
  ] as const;
  return keys.map((key) => `${key} ${window[key] ?? "-"}`).join(", ");
}
