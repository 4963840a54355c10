import { rulesOf } from "../../db/queries/rule-settings.ts";
import { type InForce, inForce } from "../alerts/in-force.ts";
import type { RuleSet } from "../detect/rule.ts";
import type { Judging } from "./judging.ts";

/** What is in force in each of these clusters. */
export async function rulesInForce(
  { db, rules }: Pick<Judging, "db" | "rules">,
  clusterIds: readonly number[],
): Promise<Map<number, InForce>> {
  const sets = await rulesOf(db, clusterIds);
  return new Map(
    [...sets].map(([clusterId, { version, settings }]) => [
      clusterId,
      inForce(rules, { version, settings: settings as RuleSet["settings"] }),
    ]),
  );
}
