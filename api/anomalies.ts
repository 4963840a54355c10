import * as z from "zod";
import type { KeptAnomaly, KeptEvent, ToldOf } from "../db/queries/anomaly-list.ts";
import { TRANSITIONS } from "./alerts/alert.ts";
import { linksOf } from "./anomaly-links.ts";
import { Time, toTime, toTimeOrNull } from "./contract.ts";
import { ruleNamed } from "./detect/index.ts";
import type { Measured, Subject } from "./detect/rule.ts";

export const Severity = z.enum(["warning", "critical"]);
const MutedWhy = z.enum(["silence", "inhibited"]).nullable();

const PartyAnswer = z
  .object({
    kind: z.string().meta({ example: "pod" }),
    name: z.string(),
    namespace: z.string().optional(),
    workloadKind: z.string().optional(),
    workload: z.string().optional(),
    address: z.string(),
  })
  .meta({ id: "Party" });

export const SubjectAnswer = z
  .object({
    kind: z.enum(["cluster", "node", "party", "ports", "peer", "setting"]),
    key: z.string().meta({ description: "Names it within cluster and rule." }),
    node: z.string().optional(),
    party: PartyAnswer.optional(),
    natAddress: z.string().optional(),
    peer: z.string().optional(),
    peerPort: z.int().optional(),
    protocol: z.int().optional(),
    setting: z.string().optional(),
  })
  .meta({ id: "Subject" });

const measured = {
  value: z.number().meta({ description: "In the unit of the rule." }),
  limit: z.number().optional().meta({ description: "The threshold that was passed." }),
  baseline: z.number().optional().meta({ description: "What is usual at this time of day." }),
  score: z.number().optional().meta({ description: "How far from it, in usual deviations, smoothed." }),
  cause: z.string().optional().meta({ description: "What it is a case of.", example: "table-full" }),
  contributors: z
    .array(
      z.object({
        party: PartyAnswer,
        value: z.number(),
        peer: z.string().optional(),
        peerPort: z.int().optional(),
        protocol: z.int().optional(),
        natAddress: z.string().optional(),
      }),
    )
    .optional()
    .meta({ description: "Whose part of the value is how large, the largest first." }),
  facts: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
};
const MeasuredAnswer = z.object(measured).meta({ id: "Measured" });

export const Anomaly = z
  .object({
    id: z.int(),
    cluster: z.string(),
    rule: z.string().meta({ example: "pod-flood" }),
    ruleVersion: z.string().meta({
      description:
        "Revision of the rule, and of what is set in the cluster: GET /v1/clusters/{cluster}/rules.",
      example: "1.0",
    }),
    title: z.string().meta({ description: "Of the rule." }),
    unit: z.string(),
    severity: Severity,
    state: z.enum(["open", "resolved"]),
    subject: SubjectAnswer,
    openedAt: Time.meta({ description: "When it began, by the time of the windows." }),
    resolvedAt: Time.nullable(),
    lastAt: Time.meta({
      description: "Of the latest words of it; at most ten minutes older than what is known.",
    }),
    stale: z.boolean().meta({ description: "No window says anything of it any more." }),
    flapping: z
      .boolean()
      .meta({ description: "It came and went too often, and ends only after an hour of quiet." }),
    ...measured,
    peak: z.number().nullable().meta({ description: "The worst value while it was open." }),
    muted: MutedWhy.meta({ description: "Why nobody is told of it now." }),
    announced: z.boolean().meta({ description: "Whether any channel was told." }),
    acknowledged: z.object({ at: Time, by: z.string().nullable(), note: z.string().nullable() }).nullable(),
    links: z
      .object({ series: z.string().optional(), talkers: z.string(), ports: z.string().optional() })
      .meta({ description: "Where to look at what it is about: relative addresses." }),
  })
  .meta({ id: "Anomaly" });

export const AnomalyEvent = z
  .object({
    at: Time.meta({ description: "By the time of the windows." }),
    recordedAt: Time.meta({ description: "By the clock of the service." }),
    transition: z.enum(TRANSITIONS),
    severity: Severity,
    finding: MeasuredAnswer.nullable(),
    muted: MutedWhy.meta({ description: "Why nobody is told of this." }),
    by: z.string().nullable().meta({
      description: "Who acknowledged it; of what is inhibited, the rule of what it is inhibited by.",
    }),
    note: z.string().nullable(),
  })
  .meta({ id: "AnomalyEvent" });

export const AnomalyDelivery = z
  .object({
    id: z.int(),
    channel: z.string().nullable().meta({ description: "Told to an admin token only, as is the error." }),
    kind: z.string(),
    state: z.string(),
    createdAt: Time,
    sentAt: Time.nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: "AnomalyDelivery" });

export const AnomalyWithHistory = z
  .object({
    ...Anomaly.shape,
    events: z.array(AnomalyEvent).meta({ description: "All that happened to it, the first first." }),
    deliveries: z.array(AnomalyDelivery).meta({ description: "Messages that tell of it, the latest first." }),
  })
  .meta({ id: "AnomalyWithHistory" });

export function anomalyAnswer(kept: KeptAnomaly, now: number): z.infer<typeof Anomaly> {
  const { id, cluster, ruleVersion, severity, openedAt, resolvedAt, acknowledgedAt, peak, muted } = kept;
  const { announced, stale, flapping } = kept;
  const rule = ruleNamed(kept.rule);
  const subject = kept.about as Subject;
  return {
    id,
    cluster,
    rule: kept.rule,
    ruleVersion,
    title: rule?.title ?? kept.rule,
    unit: rule?.unit ?? "count",
    severity,
    state: resolvedAt === null ? "open" : "resolved",
    subject,
    openedAt: toTime(openedAt),
    resolvedAt: toTimeOrNull(resolvedAt),
    lastAt: toTime(kept.lastAt),
    stale,
    flapping,
    ...measuredAnswer(kept.finding as Measured),
    peak,
    muted,
    announced,
    acknowledged:
      acknowledgedAt === null
        ? null
        : { at: toTime(acknowledgedAt), by: kept.acknowledgedBy, note: kept.note },
    links: linksOf({ cluster, subject, rule }, { openedAt, resolvedAt, now }),
  };
}

function measuredAnswer({ contributors, facts, ...rest }: Measured): z.infer<typeof MeasuredAnswer> {
  return {
    ...rest,
    ...(contributors && { contributors: [...contributors] }),
    ...(facts && { facts: { ...facts } }),
  };
}

export const eventAnswer = ({ at, recordedAt, finding, transition, ...event }: KeptEvent) => ({
  ...event,
  at: toTime(at),
  recordedAt: toTime(recordedAt),
  transition: transition as (typeof TRANSITIONS)[number],
  finding: finding === null ? null : measuredAnswer(finding as Measured),
});

/** Channels are not everybody's to know, nor what their providers answer. */
export const deliveryAnswer = (
  { createdAt, sentAt, channel, error, ...delivery }: ToldOf,
  isAdmin: boolean,
) => ({
  ...delivery,
  channel: isAdmin ? channel : null,
  error: isAdmin ? error : null,
  createdAt: toTime(createdAt),
  sentAt: toTimeOrNull(sentAt),
});
