import type { Severity, Subject } from "../detect/rule.ts";
import type { Muted } from "./alert.ts";
import { isActive, matches } from "./silence.ts";
import type { Silence } from "./silence.ts";

/** An anomaly as inhibition sees it. */
export type Known = {
  rule: string;
  subject: Subject;
  severity: Severity;
  /** `cause` of its finding. */
  cause?: string | undefined;
  /** Why nobody is told of it. */
  muted?: Muted | undefined;
};

const onSameNode = (cause: Known, other: Known): boolean =>
  cause.subject.node !== undefined && cause.subject.node === other.subject.node;

const isTableFull = (anomaly: Known): boolean => anomaly.rule === "drops" && anomaly.cause === "table-full";

/** Each says what an open anomaly keeps quiet, because who knows of the first learns nothing from the second. */
const INHIBITIONS: readonly ((cause: Known, other: Known) => boolean)[] = [
  // The table is (nearly) full: that it will be is no news.
  (cause, other) =>
    other.rule === "time-to-full" &&
    onSameNode(cause, other) &&
    (isTableFull(cause) || (cause.rule === "table-pressure" && cause.severity === "critical")),
  // Nor that it drops. Drops of another cause are another trouble.
  (cause, other) =>
    isTableFull(other) &&
    onSameNode(cause, other) &&
    cause.rule === "table-pressure" &&
    cause.severity === "critical",
  // Nobody knows how a silent node is.
  (cause, other) => cause.rule === "silent-node" && other.rule !== "silent-node" && onSameNode(cause, other),
  // So many are silent that it is the cluster: each of them is no news.
  (cause, other) =>
    cause.rule === "silent-node" &&
    cause.subject.kind === "cluster" &&
    other.rule === "silent-node" &&
    other.subject.kind !== "cluster",
];

/** The rules that keep others quiet. */
export const INHIBITING = ["drops", "table-pressure", "silent-node"] as const;

/** Whether the first, while it is open, keeps the second quiet. What is silenced does not: nobody is told of it either. */
export const inhibits = (cause: Known, other: Known): boolean =>
  cause.muted !== "silence" && INHIBITIONS.some((inhibition) => inhibition(cause, other));

/** The rule of what keeps it quiet. */
export const inhibitorOf = (anomaly: Known, open: readonly Known[]): string | undefined =>
  open.find((cause) => inhibits(cause, anomaly))?.rule;

/**
 * Why nobody is told of an anomaly of this cluster at `at` (by the clock); undefined: channels are told. `open`: what is open in the
 * cluster, the anomaly itself or not; `silences`: those that may apply to the cluster.
 */
export function mutedBy(
  anomaly: Known,
  cluster: { name: string; open: readonly Known[]; silences: readonly Silence[] },
  at: number,
): Muted | undefined {
  const candidate = { cluster: cluster.name, ...anomaly };
  if (cluster.silences.some((silence) => isActive(silence, at) && matches(silence.matcher, candidate)))
    return "silence";
  return inhibitorOf(anomaly, cluster.open) === undefined ? undefined : "inhibited";
}
