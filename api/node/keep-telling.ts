import { setTimeout } from "node:timers/promises";
import { dispatch, type DispatchDeps } from "../alerts/dispatch.ts";
import type { Bell } from "./bell.ts";

/** So long may one round take: it begins nothing new after. */
const ROUND_MS = 30_000;
/** What others than this thread put on its way, such as what is to be sent again by hand, waits no longer. */
const MAX_WAIT_MS = 5_000;
/** Between two rounds at least, so that what cannot be sent does not keep it busy. */
const MIN_WAIT_MS = 250;

/** What is needed for sending, such as the key beside the database, may be there by then. */
const TRY_AGAIN_MS = 30_000;

/** Sends as keepTelling does, once what it takes can be had; says each time that it cannot. */
export async function keepTellingWith(
  make: () => Promise<DispatchDeps>,
  { bell, stop, onFailed }: { bell: Bell; stop: AbortSignal; onFailed: (error: unknown) => void },
  everyMs: number = TRY_AGAIN_MS,
): Promise<void> {
  while (!stop.aborted)
    try {
      await keepTelling(await make(), bell, stop);
    } catch (error) {
      onFailed(error);
      await setTimeout(everyMs, undefined, { signal: stop }).catch(() => {});
    }
}

/** Sends what is due, at once when the bell rings and else when the next is due, until told to stop. */
export async function keepTelling(deps: DispatchDeps, bell: Bell, stop: AbortSignal): Promise<void> {
  const sleep = (ms: number) => setTimeout(ms, undefined, { signal: stop }).catch(() => {});
  while (!stop.aborted) {
    bell.heard();
    const { nextDueAt } = await dispatch(deps, { ms: ROUND_MS, signal: stop });
    const wait = Math.min(MAX_WAIT_MS, (nextDueAt ?? Number.POSITIVE_INFINITY) - deps.now());
    await sleep(MIN_WAIT_MS);
    await Promise.race([sleep(wait), bell.rings()]);
  }
}
