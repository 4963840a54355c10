import type { Look } from "../../db/look.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Severity, Thresholds } from "./rule.ts";
import { contributorsBy, nodeSubject } from "./subject.ts";
import { fillOf, HOUR_MS, MINUTE_MS, usedOf } from "./window.ts";

const ratio = (value: number, title: string) => ({ default: value, min: 0.05, max: 1, unit: "ratio", title });

const thresholds = {
  warnClose: ratio(0.7, "No fuller than this: all is well"),
  warn: ratio(0.8, "As full as this: warning"),
  criticalClose: ratio(0.8, "Critical until it is less full than this"),
  critical: ratio(0.9, "As full as this: critical"),
};
type Name = keyof typeof thresholds;

/** The table of a node is nearly full. */
export const tablePressure = defineNodeRule<Name>({
  name: "table-pressure",
  revision: 1,
  title: "The connection table is nearly full",
  unit: "ratio",
  series: "utilisation",
  thresholds,
  ascending: [
    ["warnClose", "warn", "critical"],
    ["criticalClose", "critical"],
  ],
  policy: {
    need: { windows: 2, ms: 5 * MINUTE_MS },
    critical: { windows: 2, ms: 2 * MINUTE_MS },
    clearMs: 15 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  gate: (window, limits) => ((fillOf(window) ?? 0) >= limits.warn ? { flows: {} } : undefined),
  judge(look, limits, _known, open) {
    const subject = nodeSubject(look.window);
    return [{ subject, finding: judged(look, limits, open?.get(subject.key)) }];
  },
});

function judged(look: Look, limits: Thresholds<Name>, severity: Severity | undefined): Finding {
  const { window } = look;
  const fill = fillOf(window);
  if (fill === undefined) return { verdict: "unknown" };
  const measured = {
    value: fill,
    contributors: contributorsBy(look.flows?.parties, ({ entries }) => entries),
    facts: { used: usedOf(window) ?? 0, max: window.max ?? 0 },
  };
  const critical = severity === "critical" ? limits.criticalClose : limits.critical;
  if (fill >= critical) return { verdict: "bad", severity: "critical", limit: limits.critical, ...measured };
  if (fill >= limits.warn) return { verdict: "bad", severity: "warning", limit: limits.warn, ...measured };
  return { verdict: fill < limits.warnClose ? "clear" : "between", limit: limits.warn, ...measured };
}
