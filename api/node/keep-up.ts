import { setTimeout } from "node:timers/promises";
import { maintain, type UpkeepDeps } from "../maintain.ts";

/** So long may one tick take: after an outage, what is left is for the next ones. */
const TICK_MS = 60_000;

/** No tick holds the lease for as long: others, of another process, take it again and again, or it is stuck. */
const BUSY_MS = 300_000;

/** Ticks at once and then every so often, one after the other, until told to stop; ends after the last one. */
export async function keepUp(deps: UpkeepDeps, everyMs: number, stop: AbortSignal): Promise<void> {
  let idleSince = deps.now();
  while (!stop.aborted) {
    const next = setTimeout(everyMs, undefined, { signal: stop }).catch(() => {});
    const { end } = await maintain(deps, { ms: TICK_MS, signal: stop });
    if (end !== "busy") idleSince = deps.now();
    if (deps.now() - idleSince >= BUSY_MS) {
      deps.log({ level: "warning", event: "tick-busy", ms: deps.now() - idleSince });
      idleSince = deps.now();
    }
    if (end !== "stopped") await next;
  }
}
