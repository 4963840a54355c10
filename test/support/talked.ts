import type { Db } from "../../db/client.ts";
import { fieldsOf } from "../../db/fold/keys.ts";
import type { Amounts } from "../../db/fold/measures.ts";
import { topTalkers } from "../../db/queries/talkers.ts";
import type { TalkerQuery } from "../../db/queries/talkers.ts";
import { BY } from "../../db/talkers/source.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { START } from "./stored-report.ts";
import { tick } from "./tick.ts";

export const HOUR_MS = 3_600_000;

/** The talkers of the hour from START on, asked an hour later, when all is folded; rows with what their keys say. */
export async function talked(db: Db, query: Partial<TalkerQuery> = {}) {
  const { now = START + 2 * HOUR_MS, by = "address" } = query;
  await tick(db, now);
  const answer = await topTalkers(db, {
    clusterId: 1,
    by,
    from: START,
    to: START + HOUR_MS,
    limit: 10,
    retention: DEFAULT_RETENTION,
    now,
    ...query,
  });
  const { rows, remainder, unattributed, ...rest } = answer;
  return {
    ...rest,
    talkers: rows.map(({ key, amounts, ...row }) => ({
      ...fieldsOf(BY[by], key),
      ...measures(amounts),
      ...row,
    })),
    remainder: { ...remainder.amounts, share: remainder.share },
    unattributed: unattributed && { ...measures(unattributed.amounts), share: unattributed.share },
  };
}

const measures = ({ rows: _rows, ...amounts }: Amounts) => amounts;
