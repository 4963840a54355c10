import type { Severity } from "../../detect/rule.ts";
import type { EndReason } from "../life.ts";
import type { MessageState } from "./message.ts";
import type { Part, Text } from "./text.ts";
import type { TimeUnits } from "./units.ts";

/** What advice may name: questions to type, narrowed to where it is wrong; the limit of the table. */
export type Ask = Readonly<Record<"top" | "opened" | "unreplied" | "flows" | "ports" | "nodes", Part>> & {
  max?: number | undefined;
};

/** What is wrong, and what to do about it. */
export type Case = {
  /** What it means for those who use the node. */
  meaning: string;
  /** Two or three lines, the most useful first. */
  advice: (ask: Ask) => readonly Text[];
};

export type RuleWords = Case & {
  /** What is wrong, as a title says it. */
  title: string;
  /** By the cause of the finding; a cause that is not there is told as the rule is. */
  causes?: Readonly<Record<string, Case & { title?: string }>>;
};

/** What a number counts: a unit of rules, or of facts. */
export type Unit =
  | "ratio"
  | "entries"
  | "flows/s"
  | "packets/s"
  | "ms"
  | "ports"
  | "nodes"
  | "count"
  | "times"
  | "openings"
  | "seconds"
  | "at";

/** One language. All numbers come written already. */
export type Words = {
  rules: Readonly<Record<string, RuleWords>>;
  /** Of a rule that nobody wrote words for. */
  unknownRule: (rule: string) => RuleWords;
  /** What of it is told, for titles. */
  state: (
    state: MessageState,
    severity: Severity,
    news: "worsened" | "flapping" | "stale" | "ended" | undefined,
  ) => string;
  time: TimeUnits;
  /** A number with its unit. */
  unit: (unit: Unit, written: string) => string;
  title: {
    /** The whole title after the prefix: state, what, where, cluster. */
    of: (state: string, what: string, where: Text, cluster: Part) => Text;
    /** The first, and how many more there are. */
    andMore: (first: Text, more: number) => Text;
    fleet: (affected: string, nodes: string) => string;
  };
  where: {
    node: (node: Part) => Text;
    on: (what: Text, node: Part) => Text;
    cluster: (cluster: Part) => Text;
    towards: (nat: Part | undefined, peer: Part, protocol: string) => Text;
    party: (kind: string, name: Part, workload: Text) => Text;
    /** After where it is: which anomaly it is. */
    anomaly: (id: number) => string;
  };
  value: {
    /** Of so many: 241,164 of 262,144. */
    of: (part: string, whole: string) => string;
    /** From where on it is an alarm; `below`: from where down. */
    limit: (limit: string, below: boolean) => string;
    usual: (usual: string) => string;
    share: (share: string) => string;
    /** How many of so many nodes are as a value says. */
    agree: (nodes: string, all: string) => string;
    towards: (peer: Part) => Text;
  };
  /** Since when: for so long, and when it began. */
  since: (lasted: string, began: string) => string;
  lasted: (lasted: string, from: string, to: string) => string;
  /** Why it is told no more though nothing says that it is well. */
  ended: Readonly<Record<EndReason, string>>;
  /** Who is at it, and what they said; either may be missing. */
  acknowledged: (by: Part | undefined, note: Part | undefined) => Text;
  /** Why it is told only now. */
  unmuted: string;
  /** How to take it, or keep it quiet; of several anomalies without an id. */
  take: (id: number | undefined) => Text;
  counts: {
    /** It was told before. */
    again: string;
    open: (open: string) => string;
    resolved: (resolved: string) => string;
    shown: (shown: string, all: string) => string;
    fleet: (affected: string, nodes: string) => string;
    over: string;
    allClear: string;
    /** Instead of both, where nothing says that it is well. */
    ended: string;
  };
  labels: Readonly<
    Record<
      | "value"
      | "worst"
      | "since"
      | "lasted"
      | "ended"
      | "whyNow"
      | "cause"
      | "who"
      | "towards"
      | "nodes"
      | "log"
      | "acknowledged"
      | "advice"
      | "adviceOfFirst"
      | "link",
      string
    >
  >;
  /** Labels of facts, of any rule or of one (`rule.fact`); facts that are not here are shown by their names. */
  facts: Readonly<Record<string, string>>;
  /** After a label, and between things in a row. */
  colon: string;
  semicolon: string;
  /** Between sentences. */
  sentence: string;
};
