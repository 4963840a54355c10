import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { type Budget, judgeNow } from "../../api/maintain.ts";
import { defineNodeRule, type Rule } from "../../api/detect/rule.ts";
import type { LogEvent } from "../../api/router.ts";
import type { Db } from "../../db/client.ts";
import type { StoredReport } from "../../db/report.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { aDump, aReportOf, START } from "./stored-report.ts";

const MINUTE_MS = 60_000;

const fillOf = ({ count = 0, max = 1 }: { count?: number | undefined; max?: number | undefined }) =>
  count / max;

/** A rule that is quick to open and to resolve: two windows each. */
export const full = defineNodeRule({
  name: "full",
  revision: 1,
  title: "Full",
  unit: "ratio",
  thresholds: { limit: { default: 0.8, min: 0, max: 1, unit: "ratio", title: "Full from here" } },
  policy: { need: { windows: 2, ms: 0 }, clearMs: 2 * MINUTE_MS, cooldownMs: 0 },
  gate: (window, { limit }) => (fillOf(window) >= limit ? {} : undefined),
  judge({ window }, { limit }) {
    const value = fillOf(window);
    const subject = { kind: "node", key: window.node, node: window.node } as const;
    const verdict =
      value >= limit ? ({ verdict: "bad", severity: "warning" } as const) : ({ verdict: "clear" } as const);
    return [{ subject, finding: { ...verdict, value, limit } }];
  },
});

/** Judges what came, by one rule, at a time. */
export function judgingOf(db: Db, rules: readonly Rule[] = [full]) {
  const log: LogEvent[] = [];
  return {
    log,
    judge: (now: number, { on = db, ms = 60_000, ...budget }: Partial<Budget> & { on?: Db } = {}) =>
      judgeNow(
        {
          db: on,
          now: () => now,
          log: (event) => void log.push(event),
          retention: DEFAULT_RETENTION,
          rules,
        },
        { ms, ...budget },
      ),
  };
}

/** The window of a minute of that number, of a node whose table is as full as that; it comes a second after its end. */
export function aMinute(node: string, number: number, fill: number, some: Partial<StoredReport> = {}) {
  const from = START + number * MINUTE_MS;
  const to = from + MINUTE_MS;
  const count = Math.round(fill * 1000);
  return aReportOf([], {
    sequence: number,
    from,
    to,
    receivedAt: to + 1_000,
    table: { count, max: 1000 },
    dump: aDump({ takenAt: to, entries: count }),
    ...some,
    node: { name: node },
  });
}

/** A channel that is told of everything. */
export const aListener = (db: Db): Promise<unknown> =>
  db.run(sql`
    insert into channels (name, kind, language, filter, sealed, shown, created_at, enabled, tokens, refilled_at)
    values ('team', 'slack', 'en', '{}', x'00', 'h', 0, 1, 60, 0)`);

const NODE = sql`(select name from nodes where id = node_id) as node`;

/** All that judging makes of reports, without what says when it was done. */
export async function judgedIn(db: Db): Promise<Record<string, string[]>> {
  const texts = async (query: SQL) => (await db.all(query)).map((row) => JSON.stringify(row));
  return {
    anomalies: await texts(sql`
      select rule, subject, ${NODE}, severity, opened_at, resolved_at, last_at, finding, peak, muted from anomalies
      order by rule, subject, opened_at`),
    events: await texts(sql`
      select a.subject, e.at, e.transition, e.severity, e.finding, e.muted
      from anomaly_events e left join anomalies a on a.id = e.anomaly_id order by a.subject, e.at, e.transition`),
    watches: await texts(sql`
      select w.rule, w.subject, (select name from nodes where id = w.node_id) as node, w.life, a.opened_at from watches w left join anomalies a on a.id = w.anomaly_id
      order by w.rule, w.subject`),
    groups: await texts(
      sql`select channel_id, cluster_id, rule, due_at is not null as due from alert_groups`,
    ),
  };
}
