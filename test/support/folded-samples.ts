import { sql } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { writeSamples } from "../../db/queries/upkeep/samples.ts";
import { BUCKET_TIERS, MINUTE, SLOT_MS, slotOf, WHOLE_CLUSTER } from "../../db/tiers.ts";
import type { BucketTier } from "../../db/tiers.ts";

const ALWAYS = sql`1`;

/** Folds the samples of all windows there are into buckets of all tiers, whether they are over or not. */
export async function foldSamples(db: Db): Promise<void> {
  const windows = await db.all<{ clusterId: number; nodeId: number; start: number; end: number }>(
    sql`select cluster_id as clusterId, node_id as nodeId, start, end from samples where tier = 0`,
  );
  for (const tier of BUCKET_TIERS) {
    const slots = new Map(
      windows
        .flatMap(({ clusterId, nodeId, start, end }) =>
          slotsOf(tier, start, end).flatMap((slot) => [
            { clusterId, tier, start: slot, nodeId: WHOLE_CLUSTER },
            ...(tier === MINUTE ? [] : [{ clusterId, tier, start: slot, nodeId }]),
          ]),
        )
        .map((slot) => [JSON.stringify(slot), slot]),
    );
    for (const { nodeId, ...slot } of slots.values())
      for (const write of writeSamples({ ...slot, nodeIds: [nodeId] }, ALWAYS)) await db.run(write);
  }
}

function slotsOf(tier: BucketTier, from: number, to: number): number[] {
  const starts: number[] = [];
  for (let at = slotOf(tier, from); at < to; at += SLOT_MS[tier]) starts.push(at);
  return starts;
}
