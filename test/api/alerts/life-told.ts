import { advance, forgetAt } from "../../../api/alerts/life.ts";
import type { Life, Step } from "../../../api/alerts/life.ts";
import type { Finding, Policy } from "../../../api/detect/rule.ts";
import type { Happened, Said, Told } from "./life-oracle.ts";

export const S = 1000;
export const MIN = 60 * S;
export const T = 1_700_000_000_000;
export const POLICY: Policy = {
  need: { windows: 2, ms: MIN },
  clearMs: 15 * MIN,
  cooldownMs: 60 * MIN,
};

export const findingOf = (said: Said): Finding =>
  said === "warning" || said === "critical"
    ? { verdict: "bad", severity: said, value: 1 }
    : said === "unknown"
      ? { verdict: said }
      : { verdict: said, value: 0 };

/** Gives the life window by window, as JSON between them; answers each step. */
export function live(history: readonly Told[], policy: Policy, forget = false) {
  let life: Life | undefined;
  return history.map(({ from, to, said }, i): Step & { to: number; before: Life | undefined } => {
    const due = life && forgetAt(life);
    if (forget && due !== undefined && due <= from) life = undefined;
    const before = life;
    const step = advance(life, findingOf(said), { from, to, previousTo: history[i - 1]?.to }, policy);
    life = step.life && (JSON.parse(JSON.stringify(step.life)) as Life);
    return { ...step, to, before };
  });
}

export const happenings = (steps: ReturnType<typeof live>): Happened[] =>
  steps.flatMap(({ transition, life, before, to }) =>
    transition ? [{ at: to, transition, severity: (life?.severity ?? before?.severity)! }] : [],
  );

/** Windows of 30 s unless said otherwise: each word so often. */
export function told(...parts: readonly (readonly [said: Said | "gap", minutes: number])[]): Told[] {
  const history: Told[] = [];
  let from = T;
  for (const [said, minutes] of parts) {
    const until = from + minutes * MIN;
    if (said !== "gap")
      for (let at = from; at < until; at += 30 * S) history.push({ from: at, to: at + 30 * S, said });
    from = until;
  }
  return history;
}
export const minutesOf = (history: readonly Told[], policy: Policy = POLICY) =>
  happenings(live(history, policy)).map(
    ({ at, transition, severity }) => `${(at - T) / MIN} ${transition} ${severity}`,
  );
