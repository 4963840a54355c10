import type { Db } from "../../../db/client.ts";
import { newsOf } from "../../../db/queries/news.ts";
import type { NewsFound, NewsRow } from "../../../db/queries/news.ts";
import type { DueGroup } from "../../../db/queries/outbox.ts";
import type { Measured, Subject } from "../../detect/rule.ts";
import { MAX_SHOWN, TRANSITIONS } from "../alert.ts";
import type { Alert, AlertedAnomaly, Transition } from "../alert.ts";
import { ChannelFilter } from "../filter.ts";
import { decide, MAX_RESENT } from "../grouping.ts";
import type { News } from "../grouping.ts";

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
export async function compose(
  db: Db,
  group: DueGroup,
  { now, resendMs, publicUrl, underWay }: Composing,
): Promise<Composed> {
  const { cluster, rule, clusterId, told } = group;
  const found = await newsOf(db, {
    clusterId,
    rule,
    told,
    onlyCritical: ChannelFilter.parse(JSON.parse(group.filter)).minSeverity === "critical",
    overSince: underWay?.toEvent ?? Number.MAX_SAFE_INTEGER,
    limit: resendMs === undefined ? MAX_SHOWN : MAX_RESENT,
  });
  const { latest } = found;
  const news = toNews(found, rule);
  const decision = decide(group, news, { now, resendMs, tried: underWay?.tried ?? false });
  if (decision.do === "tell") {
    const url = publicUrl === undefined ? undefined : linkTo(publicUrl, cluster, rule);
    return { latest, alert: { cluster, rule, ...decision.alert, ...(url !== undefined && { url }) } };
  }
  // What is over without a word, or muted, may have to be told later.
  const seen = news.quiet + news.hushed > 0 || decision.do === "wait" ? told : latest;
  return decision.do === "wait"
    ? { latest, told: seen, dueAt: decision.until, repeatAt: group.repeatAt }
    : { latest, told: seen, dueAt: null, repeatAt: decision.repeatAt };
}

/** The page shows what is open there. */
function linkTo(publicUrl: string, cluster: string, rule: string): string {
  return `${publicUrl}/?${new URLSearchParams({ cluster, rule }).toString()}`;
}

const toNews = ({ counts, nodes, rows }: NewsFound, rule: string): News => ({
  ...counts,
  nodes,
  anomalies: rows.map((row) => ({ news: row.news, anomaly: toAlerted(row, rule) })),
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
    ...(row.acknowledgedAt !== null && { acknowledgedBy: row.acknowledgedBy ?? "" }),
  };
}

const transitionOf = (text: string): Transition => TRANSITIONS.find((one) => one === text) ?? "opened";
