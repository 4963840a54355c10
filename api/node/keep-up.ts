import { setTimeout } from "node:timers/promises";
import { judgeNow, maintain, type UpkeepDeps } from "../maintain.ts";
import { Bell } from "./bell.ts";

/** So long may one tick take: after an outage, what is left is for the next ones. */
const TICK_MS = 60_000;

/** No tick holds the lease for as long: others, of another process, take it again and again, or it is stuck. */
const BUSY_MS = 300_000;

/** What is urgent is judged together with what comes in so short a time after it. */
const URGENT_MS = 500;

type Deps = Omit<UpkeepDeps, "poked">;

/**
 * Ticks at once and then every so often, one after the other, until told to stop; ends after the last one. When the bell rings, what
 * came is judged in between.
 */
export async function keepUp(
  deps: Deps,
  everyMs: number,
  stop: AbortSignal,
  bell: Bell = new Bell(),
): Promise<void> {
  const poked = { ...deps, poked: () => bell.heard() };
  let idleSince = deps.now();
  while (!stop.aborted) {
    const next = setTimeout(everyMs, undefined, { signal: stop }).catch(() => {});
    const { end } = await maintain(poked, { ms: TICK_MS, signal: stop });
    if (end !== "busy") idleSince = deps.now();
    if (deps.now() - idleSince >= BUSY_MS) {
      deps.log({ level: "warning", event: "tick-busy", ms: deps.now() - idleSince });
      idleSince = deps.now();
    }
    if (end !== "stopped") await judgingUntil(next, deps, stop, bell);
  }
}

async function judgingUntil(
  next: Promise<unknown>,
  deps: Deps,
  stop: AbortSignal,
  bell: Bell,
): Promise<void> {
  const over = new AbortController();
  const isOver = next.then(() => over.abort());
  while (!over.signal.aborted && !stop.aborted) {
    await Promise.race([isOver, bell.rings()]);
    if (!bell.heard()) continue;
    await judgeNow(deps, { ms: TICK_MS, signal: stop });
    await Promise.race([isOver, setTimeout(URGENT_MS)]);
  }
}
