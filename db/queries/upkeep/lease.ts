import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../../client.ts";

/** Longer than anything a tick does between two writes; a tick that was killed holds up the next for no longer. */
export const LEASE_MS = 20_000;

/** Another tick has taken over: what this one began, that one does. */
export class LeaseLostError extends Error {
  override name = "LeaseLostError";
}

/** The right to do the upkeep, held by one tick at a time. */
export type Lease = {
  /** Holds while this tick has the lease; part of each statement that writes, so that none does afterwards. */
  guard: SQL;
  /** Prolongs the lease where half of it has passed. Throws LeaseLostError where another tick has it. */
  keep(): Promise<void>;
  release(): Promise<void>;
};

/**
 * The lease, or undefined where another tick has it. `holder` names this tick and no other. A lease that runs so long that no clock
 * which is right can have granted it is taken over: else all upkeep would stop until then.
 */
export async function takeLease(db: Db, holder: string, now: () => number): Promise<Lease | undefined> {
  const guard = sql`exists (select 1 from upkeep where holder = ${holder})`;
  let expiresAt = now() + LEASE_MS;
  const taken = await db.all(sql`
    update upkeep set holder = ${holder}, expires_at = ${expiresAt}
    where holder is null or expires_at <= ${now()} or expires_at > ${now() + 2 * LEASE_MS} returning id`);
  if (taken.length === 0) return undefined;
  const keep = async () => {
    const left = expiresAt - now();
    // More than the whole: the clock went back.
    if (left > LEASE_MS / 2 && left <= LEASE_MS) return;
    expiresAt = now() + LEASE_MS;
    const kept = await db.all(sql`
      update upkeep set expires_at = ${expiresAt} where holder = ${holder} returning id`);
    if (kept.length === 0) throw new LeaseLostError();
  };
  return {
    guard,
    keep,
    release: async () => void (await db.run(sql`update upkeep set holder = null where holder = ${holder}`)),
  };
}
