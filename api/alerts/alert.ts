import type { EndReason } from "./life.ts";
import type { Measured, Severity, Subject } from "../detect/rule.ts";

/** What happened to an anomaly. unmuted: what kept it quiet (a silence, an inhibitor) is over while it goes on. */
export const TRANSITIONS = [
  "opened",
  "worsened",
  "eased",
  "resolved",
  "flapping",
  "stale",
  "acknowledged",
  "unmuted",
] as const;
export type Transition = (typeof TRANSITIONS)[number];

/** Why nobody is told of it. */
export type Muted = "silence" | "inhibited";

/** An anomaly as a message shows it. Names of Pods, nodes and clusters are of others: they may be anything. Times in epoch ms. */
export type AlertedAnomaly = {
  id: number;
  rule: string;
  /** Of the rule and of what users set: "revision.version". */
  ruleVersion: string;
  subject: Subject;
  severity: Severity;
  state: "open" | "resolved";
  /** By the time of the windows. */
  openedAt: number;
  resolvedAt?: number | undefined;
  /** The last transition that is told of. */
  transition: Transition;
  finding: Measured;
  /** Resolved: why it ended, where nothing says that it is well. */
  ended?: EndReason | undefined;
  /** The worst value while it was open. */
  peak?: number | undefined;
  /** Of what is acknowledged: by whom (empty: they did not say), and what they said. */
  acknowledgedBy?: string | undefined;
  acknowledgedNote?: string | undefined;
  /** Where all of it is to be read, absolute; absent where the service does not know its own address. */
  url?: string | undefined;
};

/** What one message says: news of one rule in one cluster. */
export type Alert = {
  cluster: string;
  rule: string;
  /** What is told: something is wrong (or worse, or still); all is well again; words of the service about itself; a trial. */
  kind: "firing" | "resolved" | "notice" | "test";
  severity: Severity;
  /** The group's incident: grows each time the group goes from nothing open to something open. Threads and dedup keys are made of it. */
  episode: number;
  /** The most important first, at most MAX_SHOWN: those opened or worse, then those resolved. */
  anomalies: readonly AlertedAnomaly[];
  /** How many were opened (or worse), resolved, and are open now, told or not in detail. */
  counts: { opened: number; resolved: number; open: number };
  /** Told again because it goes on. */
  repeat: boolean;
  /** True where so many nodes are affected that it is one incident of the fleet; of `nodes` nodes in the cluster. */
  fleet?: { affected: number; nodes: number } | undefined;
  /** Of a notice or a trial: the text, in the language of the channel. */
  text?: { title: string; body: string } | undefined;
  /** Where to look, absolute; absent where the service does not know its own address. */
  url?: string | undefined;
};
/** A message shows so many in detail. */
export const MAX_SHOWN = 5;

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Every message begins with it, the all-clear too: keyword filters of chat bots let pass all or nothing. */
export const PREFIX = "[Conntrail]";
