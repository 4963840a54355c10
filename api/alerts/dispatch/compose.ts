import type { Db } from "../../../db/client.ts";
import { newsOf } from "../../../db/queries/news.ts";
import type { NewsAsked, NewsFound, NewsRow } from "../../../db/queries/news.ts";
import type { DueGroup } from "../../../db/queries/outbox.ts";
import type { Measured, Subject } from "../../detect/rule.ts";
import { MAX_SHOWN, TRANSITIONS } from "../alert.ts";
import type { Alert, AlertedAnomaly, Transition } from "../alert.ts";
import { accepts, ChannelFilter } from "../filter.ts";
import { decide, MAX_RESENT } from "../grouping.ts";
import type { News } from "../grouping.ts";
import { INHIBITING } from "../inhibition.ts";
import { END_REASONS } from "../life.ts";

/** What a group is to be told: a message, or nothing up to `told` until `dueAt`; seen up to the event `latest`. */
export type Composed = { latest: number } & (
  | { alert: Alert }
  | { alert?: undefined; told: number; dueAt: number | null; repeatAt: number | null }
);

export type Composing = {
  now: number;
  resendMs?: number | undefined;
  publicUrl?: string | undefined;
  /** Of a message on its way: the last event it was to tell of, and whether it was tried. */
  underWay?: { toEvent: number; tried: boolean } | undefined;
};

/** What a group is to be told now. */
export async function compose(db: Db, group: DueGroup, composing: Composing): Promise<Composed> {
  const { now, publicUrl, underWay } = composing;
  const { cluster, rule, clusterId, told, warned } = group;
  const { takes, unheard } = heardOf(group);
  // What forgets what is not repeated may forget what is not for it any more.
  const resendMs = takes === "none" ? undefined : composing.resendMs;
  const found = await newsOf(db, {
    clusterId,
    rule,
    told,
    warned,
    takes,
    unheard,
    overSince: underWay?.toEvent ?? Number.MAX_SAFE_INTEGER,
    limit: resendMs === undefined ? MAX_SHOWN : MAX_RESENT,
  });
  const { latest } = found;
  const news = toNews(found, rule, publicUrl);
  const decision = decide(group, news, { now, resendMs, tried: underWay?.tried ?? false });
  if (decision.do === "tell") {
    const alert = { cluster, rule, ...decision.alert };
    return { latest, alert: { ...alert, ...linkTo(publicUrl, alert) } };
  }
  // What is over without a word, or muted, may have to be told later; what the channel does not take it was not told of.
  const isLeft = news.quiet + news.hushed > 0 || takes === "none";
  const seen = isLeft || decision.do === "wait" ? told : latest;
  return decision.do === "wait"
    ? { latest, told: seen, dueAt: decision.until, repeatAt: group.repeatAt }
    : { latest, told: seen, dueAt: null, repeatAt: decision.repeatAt };
}

/** What a group's channel is told of, by its filter as it is now. */
function heardOf({ cluster, rule, filter }: DueGroup): Pick<NewsAsked, "takes" | "unheard"> {
  const parsed = ChannelFilter.parse(JSON.parse(filter));
  const isHeard = (named: string) => accepts(parsed, { cluster, rule: named, severity: "critical" });
  const unheard = INHIBITING.filter((name) => !isHeard(name));
  if (!isHeard(rule)) return { takes: "none", unheard };
  return { takes: parsed.minSeverity === "critical" ? "critical" : "all", unheard };
}

/** The one anomaly it is about, or the list of those of the rule in the cluster: what is open, or where nothing is, what was. */
function linkTo(
  publicUrl: string | undefined,
  { cluster, rule, anomalies, counts: { opened, resolved, open } }: Alert,
): { url?: string } {
  if (publicUrl === undefined) return {};
  const [one] = anomalies;
  if (one?.url !== undefined && anomalies.length === 1 && Math.max(opened, resolved, open) <= 1)
    return { url: one.url };
  const asked = new URLSearchParams({ cluster, rule, ...(open === 0 && { state: "all" }) });
  return { url: `${publicUrl}/v1/anomalies?${asked.toString()}` };
}

const toNews = ({ counts, nodes, rows }: NewsFound, rule: string, publicUrl: string | undefined): News => ({
  ...counts,
  nodes,
  anomalies: rows.map((row) => ({
    news: row.news,
    anomaly: {
      ...toAlerted(row, rule),
      ...(publicUrl !== undefined && { url: `${publicUrl}/v1/anomalies/${row.id}` }),
    },
  })),
});

function toAlerted(row: NewsRow, rule: string): AlertedAnomaly {
  const isOver = row.resolvedAt !== null;
  return {
    id: row.id,
    rule,
    ruleVersion: row.ruleVersion,
    // As the pass that judged wrote them.
    subject: JSON.parse(row.about) as Subject,
    severity: row.severity,
    state: isOver ? "resolved" : "open",
    openedAt: row.openedAt,
    ...(row.resolvedAt !== null && { resolvedAt: row.resolvedAt }),
    transition: transitionOf(row.transition),
    finding: JSON.parse(row.finding) as Measured,
    ...(row.peak !== null && { peak: row.peak }),
    ...(isOver && { ended: END_REASONS.find((one) => one === row.ended) }),
    ...(row.acknowledgedAt !== null && {
      acknowledgedBy: row.acknowledgedBy ?? "",
      ...(row.acknowledgedNote !== null && { acknowledgedNote: row.acknowledgedNote }),
    }),
  };
}

const transitionOf = (text: string): Transition => TRANSITIONS.find((one) => one === text) ?? "opened";
