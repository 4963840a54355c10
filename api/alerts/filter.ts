import * as z from "zod";
import type { Severity } from "../detect/rule.ts";
import { fits, Pattern } from "./pattern.ts";

/** More names are better said by a pattern. */
export const MAX_NAMES = 100;

const Patterns = z.array(Pattern).min(1, "leave it out to take all").max(MAX_NAMES);

/** What a channel is told of; what is left out takes all. */
export const ChannelFilter = z.strictObject({
  /** Names or patterns of clusters. */
  clusters: Patterns.optional(),
  /** Names or patterns of rules. */
  rules: Patterns.optional(),
  minSeverity: z.enum(["warning", "critical"]).optional(),
});
export type ChannelFilter = z.infer<typeof ChannelFilter>;

/** Whether a channel is told of what happens in this cluster, by this rule, as severe as this. */
export function accepts(
  filter: ChannelFilter,
  news: { cluster: string; rule: string; severity: Severity },
): boolean {
  const named = (patterns: readonly string[] | undefined, name: string): boolean =>
    patterns === undefined || patterns.some((pattern) => fits(pattern, name));
  return (
    named(filter.clusters, news.cluster) &&
    named(filter.rules, news.rule) &&
    (filter.minSeverity !== "critical" || news.severity === "critical")
  );
}
