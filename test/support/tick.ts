import { maintain } from "../../api/maintain.ts";
import type { LogEvent } from "../../api/router.ts";
import type { Db } from "../../db/client.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";

/** What the timer of the service does: folds what came. */
export async function tick(db: Db, now: number): Promise<void> {
  const log: LogEvent[] = [];
  const deps = {
    db,
    now: () => now,
    log: (event: LogEvent) => log.push(event),
    retention: DEFAULT_RETENTION,
  };
  const { end } = await maintain(deps, { ms: Number.POSITIVE_INFINITY });
  if (end !== "done") throw new Error(`the tick ended ${end}: ${JSON.stringify(log)}`);
}
