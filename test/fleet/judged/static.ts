import type { NodeWindow } from "../../../db/look.ts";
import type { Opening } from "./judge.ts";

/** A public rule on how full a table is. */
export type StaticRule = {
  rule: string;
  /** count / max. */
  above: number;
  /** It has to be above for so long, in ms, until it fires. */
  forMs: number;
};

/** As their projects have them: the node mixin of node_exporter, and awesome-prometheus-alerts. */
export const STATIC_RULES: readonly StaticRule[] = [
  { rule: "> 75 %, no for", above: 0.75, forMs: 0 },
  { rule: "> 80 % for 5 min", above: 0.8, forMs: 300_000 },
];

/** Fires as Prometheus does: it resolves with the first sample that is not above, and fires anew with the next that is. */
export class StaticRules {
  readonly openings: Opening[] = [];
  private readonly since = new Map<string, { at: number; opening?: Opening }>();

  judge({ node, count, max, from, to }: NodeWindow): void {
    if (count === undefined || max === undefined) return;
    for (const { rule, above, forMs } of STATIC_RULES) {
      const key = `${rule} ${node}`;
      const pending = this.since.get(key);
      if (count / max <= above) {
        if (pending?.opening) pending.opening.resolvedAt = to;
        this.since.delete(key);
        continue;
      }
      const state = pending ?? { at: from };
      this.since.set(key, state);
      if (state.opening || to - state.at < forMs) continue;
      state.opening = { rule, node, subject: node, at: to, severity: "warning", value: count / max };
      this.openings.push(state.opening);
    }
  }
}
