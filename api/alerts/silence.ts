import * as z from "zod";
import type { Severity, Subject } from "../detect/rule.ts";
import { fits, Pattern } from "./pattern.ts";

/** What a silence keeps quiet: that which fits all fields given. A field that the subject has no such name for does not fit. */
export const Matcher = z
  .strictObject({
    cluster: Pattern.optional(),
    rule: Pattern.optional(),
    severity: z.enum(["warning", "critical"]).optional(),
    node: Pattern.optional(),
    namespace: Pattern.optional(),
    workload: Pattern.optional(),
    pod: Pattern.optional(),
    /** The subject's key. */
    subject: Pattern.optional(),
  })
  .refine((matcher) => Object.values(matcher).some((value) => value !== undefined), {
    message: "give at least one of cluster, rule, severity, node, namespace, workload, pod and subject",
  });
export type Matcher = z.infer<typeof Matcher>;

/** For longer, settings of rules and filters of channels are the means. */
export const MAX_SILENCE_MS = 90 * 86_400_000;
export const MAX_AUTHOR = 100;
export const MAX_REASON = 500;

/** What a matcher is held against. */
export type Candidate = { cluster: string; rule: string; severity: Severity; subject: Subject };

/** From startsAt (with it) to endsAt (without it), epoch ms. */
export type Silence = { matcher: Matcher; startsAt: number; endsAt: number };

export const isActive = (silence: Silence, at: number): boolean =>
  silence.startsAt <= at && at < silence.endsAt;

/** Whether all that the matcher names fits. */
export function matches(matcher: Matcher, { cluster, rule, severity, subject }: Candidate): boolean {
  const { node, key, party } = subject;
  const names = {
    cluster,
    rule,
    severity,
    node,
    namespace: party?.namespace,
    workload: party?.workload,
    pod: party?.kind === "pod" ? party.name : undefined,
    subject: key,
  } as const satisfies Record<keyof Matcher, string | undefined>;
  return Object.entries(names).every(([field, name]) => {
    const pattern = matcher[field as keyof Matcher];
    return pattern === undefined || (name !== undefined && fits(pattern, name));
  });
}
