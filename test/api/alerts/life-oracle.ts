import { FLAP_CLEAR_MS, FLAP_OPENS, FLAP_WINDOW_MS, MAX_EASES } from "../../../api/alerts/life.ts";
import type { LifeTransition } from "../../../api/alerts/life.ts";
import type { Policy, Severity } from "../../../api/detect/rule.ts";

export type Said = "unknown" | "clear" | "between" | "warning" | "critical";
export type Told = { from: number; to: number; said: Said };
export type Happened = { at: number; transition: LifeTransition; severity: Severity };

const isBad = (said: Said): boolean => said === "warning" || said === "critical";

/** The windows in a row that fit, up to the one in question, and since when. */
type RunOf = (fits: (said: Said) => boolean) => { windows: number; ms: number };

/**
 * What happens by the words of the design, told from the whole history at each window: slow, and with nothing remembered but what
 * happened so far.
 */
export function oracle(history: readonly Told[], policy: Policy): Happened[] {
  const happened: Happened[] = [];
  for (const [i, { to, said }] of history.entries()) {
    if (said === "unknown") continue;
    const run: RunOf = (fits) => runUpTo(history, i, fits);
    const isOpen = happened.length > 0 && happened.at(-1)!.transition !== "resolved";
    const next = isOpen
      ? whileOpen(happened, said, { run, policy })
      : whileClosed(happened, to, { run, policy });
    if (next) happened.push({ at: to, ...next });
  }
  return happened;
}

type Here = { run: RunOf; policy: Policy };
type Next = Omit<Happened, "at"> | undefined;

function met(run: ReturnType<RunOf>, need: { windows: number; ms: number }): boolean {
  return run.windows > 0 && run.windows >= need.windows && run.ms >= need.ms;
}
const criticalIsMet = ({ run, policy }: Here): boolean =>
  met(
    run((said) => said === "critical"),
    policy.critical ?? policy.need,
  );

const OPENS: readonly LifeTransition[] = ["opened", "flapping"];
const opensOf = (happened: readonly Happened[]) =>
  happened.filter(({ transition }) => OPENS.includes(transition));
/** What happened since it opened for the last time. */
const episodeOf = (happened: readonly Happened[]) =>
  happened.slice(happened.lastIndexOf(opensOf(happened).at(-1)!));

function whileClosed(happened: readonly Happened[], to: number, here: Here): Next {
  const closedAt = happened.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  const isCool = to < closedAt + here.policy.cooldownMs;
  const was = episodeOf(happened).some(({ severity }) => severity === "critical");
  const critical = criticalIsMet(here) && !(isCool && was);
  if (!critical && (isCool || !met(here.run(isBad), here.policy.need))) return undefined;
  const before = opensOf(happened).filter(({ at }) => at > to - FLAP_WINDOW_MS).length;
  return {
    transition: before >= FLAP_OPENS ? "flapping" : "opened",
    severity: critical ? "critical" : "warning",
  };
}

function whileOpen(happened: readonly Happened[], said: Said, here: Here): Next {
  const { run, policy } = here;
  const { severity } = happened.at(-1)!;
  const episode = episodeOf(happened);
  const clearMs = Math.max(policy.clearMs, episode[0]!.transition === "flapping" ? FLAP_CLEAR_MS : 0);
  if (
    met(
      run((one) => one === "clear"),
      { windows: 1, ms: clearMs },
    )
  )
    return { transition: "resolved", severity };
  if (severity === "warning")
    return criticalIsMet(here) ? { transition: "worsened", severity: "critical" } : undefined;
  const calm = met(
    run((one) => one !== "critical"),
    { windows: 1, ms: policy.clearMs / 3 },
  );
  const eased = episode.filter(({ transition }) => transition === "eased").length;
  return calm && said !== "clear" && eased < MAX_EASES
    ? { transition: "eased", severity: "warning" }
    : undefined;
}

/** The windows up to the i-th that told something, in a row without a gap, and fit. */
function runUpTo(history: readonly Told[], i: number, fits: (said: Said) => boolean) {
  let windows = 0;
  let first = i;
  const { to } = history[i]!;
  for (let j = i; j >= 0; j--) {
    if (history[j]!.said === "unknown") continue;
    const isBroken = windows > 0 && isBrokenBetween(history, j, first);
    if (isBroken || !fits(history[j]!.said)) break;
    windows++;
    first = j;
  }
  return { windows, ms: to - history[first]!.from };
}

/** Between two windows that told something: more than three lengths without a window, or more than ten minutes of such that told nothing. */
function isBrokenBetween(history: readonly Told[], before: number, after: number): boolean {
  const lengthOf = ({ from, to }: Told) => to - from;
  const gaps = history
    .slice(before + 1, after + 1)
    .map((window, i) => window.from - history[before + i]!.to > 3 * lengthOf(window));
  const next = history[after]!;
  const apart = next.from - history[before]!.to;
  return gaps.includes(true) || apart > Math.max(600_000, 3 * lengthOf(next));
}
