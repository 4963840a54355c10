import type { ClusterView, Look, Need, NodeWindow, Party } from "../../db/look.ts";

export type { ClusterView, NodeView, SettingsView } from "../../db/look.ts";

export type Severity = "warning" | "critical";

/** What something is wrong with, within one cluster. */
export type Subject = {
  kind: "cluster" | "node" | "party" | "ports" | "peer" | "setting";
  /** Names it within cluster and rule; never more than MAX_KEY characters. */
  key: string;
  node?: string | undefined;
  party?: Party | undefined;
  natAddress?: string | undefined;
  peer?: string | undefined;
  peerPort?: number | undefined;
  protocol?: number | undefined;
  /** Name of a sysctl. */
  setting?: string | undefined;
};
export const MAX_KEY = 512;

/** Whose part of the value is how large. */
export type Contributor = {
  party: Party;
  value: number;
  peer?: string | undefined;
  peerPort?: number | undefined;
  protocol?: number | undefined;
  natAddress?: string | undefined;
};
/** As many as a message can show. */
export const MAX_CONTRIBUTORS = 3;

/**
 * What a rule says of one subject in one window. bad: as wrong as its severity says. between: neither wrong enough to open nor right
 * enough to resolve. unknown: this window does not tell (a stale dump, a counter that is not there).
 */
export type Finding =
  | { verdict: "unknown" }
  | ({ verdict: "clear" | "between" } & Measured)
  | ({ verdict: "bad"; severity: Severity } & Measured);

export type Measured = {
  /** In the unit of the rule. */
  value: number;
  /** What it is held against: the threshold that was passed. */
  limit?: number | undefined;
  /** What is usual at this time of day, and how far from it the value is (smoothed score). */
  baseline?: number | undefined;
  score?: number | undefined;
  /** What it is a case of, such as table-full, ports-exhausted, chain-too-long, clash, destination-down, scan. */
  cause?: string | undefined;
  /** Largest first, at most MAX_CONTRIBUTORS. */
  contributors?: readonly Contributor[] | undefined;
  /** Numbers and words the message is written from. Names in them are of others: they may be anything. */
  facts?: Readonly<Record<string, number | string>> | undefined;
};

export type Judged = {
  subject: Subject;
  finding: Finding;
  /** Nothing will ever say that it is well: it ends, and this is why. */
  over?: "silent" | "retired" | undefined;
};

/** How long it has to be wrong to open, and right to resolve, by the time of the windows. */
export type Policy = {
  /** Windows in a row, and the time from the begin of the first to the end of the last, in ms; both must hold. */
  need: { windows: number; ms: number };
  /** The same of findings that are critical, where it differs. */
  critical?: { windows: number; ms: number } | undefined;
  /** Clear for so long, in ms, resolves. */
  clearMs: number;
  /** So long after it resolved it does not open again unless it is worse than it was. */
  cooldownMs: number;
};

/** A number users may set. */
export type Threshold = {
  default: number;
  min: number;
  max: number;
  /** ratio, entries, flows/s, packets/s, ms, score, count, times … */
  unit: string;
  title: string;
};

export type Thresholds<Name extends string = string> = Readonly<Record<Name, number>>;

type Described<Name extends string> = {
  /** Stable: in URLs, in the database, in filters of channels. */
  name: string;
  /** Grows whenever the rule judges otherwise than before. */
  revision: number;
  title: string;
  /** What `value`, `limit` and `baseline` count. */
  unit: "ratio" | "entries" | "flows/s" | "packets/s" | "ms" | "ports" | "nodes" | "count";
  /** The lower the value the worse, such as time that is left. */
  lowerIsWorse?: true | undefined;
  /** The metric of `/v1/series` behind it, where there is one. */
  series?: string | undefined;
  thresholds: Readonly<Record<Name, Threshold>>;
  /** Names of thresholds none of which may be above the one after it. */
  ascending?: readonly (readonly Name[])[] | undefined;
  policy: Policy;
};

/** Judges each window of each node. Pure; knows no clock. */
export type NodeRule<Name extends string = string> = Described<Name> & {
  scope: "node";
  /** From the window alone, in microseconds: what the rule must know to judge it; undefined where there is nothing to judge. */
  gate(window: NodeWindow, thresholds: Thresholds<Name>): Need | undefined;
  /** False where it needs so long that a window which passes the gate may wait for the next tick. Default true. */
  urgent?: boolean | undefined;
  /**
   * Where the gate passed: what else must be known, once what it asked for is there. Default: nothing. What costs most is asked for here,
   * where the rest leaves a doubt; and never left out where `judge` could find anything bad with it.
   */
  closer?(look: Look, thresholds: Thresholds<Name>): Need | undefined;
  /**
   * What must be known to judge a subject that is pending or open, whether the gate passes or not, beside what the gate asks for.
   * Default: what the window says. A subject that `judge` then does not name is clear.
   */
  needOf?: Need | undefined;
  /** `open`: how severe the known subjects that are open are now, by key; absent where nobody remembers. */
  judge(
    look: Look,
    thresholds: Thresholds<Name>,
    known: readonly Subject[],
    open?: ReadonlyMap<string, Severity>,
  ): Judged[];
};

/** Judges a whole cluster, once a minute. Pure; the clock is in the view. A known subject that it does not name is clear. */
export type ClusterRule<Name extends string = string> = Described<Name> & {
  scope: "cluster";
  judge(
    view: ClusterView,
    thresholds: Thresholds<Name>,
    known: readonly Subject[],
    open?: ReadonlyMap<string, Severity>,
  ): Judged[];
};

export type Rule = NodeRule | ClusterRule;

/** What users set of a rule in a cluster; what is left out is as the rule has it. */
export type RuleSettings = {
  enabled?: boolean | undefined;
  thresholds?: Readonly<Record<string, number>> | undefined;
};

/** Rules as they are in force in a cluster. `version` counts what users set there; 0: nothing yet. */
export type RuleSet = {
  version: number;
  settings: Readonly<Record<string, RuleSettings>>;
};

/** A day: what is told later than that is no alarm. */
export const MAX_DURATION_MS = 86_400_000;

/** How long things have to last: every rule has these thresholds beside its own. */
const durationsOf = ({ need, clearMs, cooldownMs }: Policy): Record<keyof Durations, Threshold> => ({
  needMs: duration(need.ms, "It has to be wrong for so long to open"),
  clearMs: duration(clearMs, "It has to be right for so long to resolve"),
  cooldownMs: duration(cooldownMs, "So long after it resolved it opens again only if it is worse"),
});
type Durations = { needMs: number; clearMs: number; cooldownMs: number };
const duration = (ms: number, title: string) => ({
  default: ms,
  min: 0,
  max: MAX_DURATION_MS,
  unit: "ms",
  title,
});

/** The policy of a rule where its thresholds are these. */
export function policyOf({ policy }: Rule, thresholds: Thresholds): Policy {
  const { needMs, clearMs, cooldownMs } = { ...policy, needMs: policy.need.ms, ...thresholds };
  const { need, critical } = policy;
  return {
    need: { ...need, ms: needMs },
    // What is critical never waits longer than what is not.
    ...(critical && { critical: { ...critical, ms: Math.min(critical.ms, needMs) } }),
    clearMs,
    cooldownMs,
  };
}

const withDurations = <R extends { policy: Policy; thresholds: object }>(rule: R): R => ({
  ...rule,
  thresholds: { ...rule.thresholds, ...durationsOf(rule.policy) },
});

export function defineNodeRule<Name extends string>(rule: Omit<NodeRule<Name>, "scope">): NodeRule {
  return { scope: "node", ...withDurations(rule) } as unknown as NodeRule;
}

export function defineClusterRule<Name extends string>(rule: Omit<ClusterRule<Name>, "scope">): ClusterRule {
  return { scope: "cluster", ...withDurations(rule) } as unknown as ClusterRule;
}
