import type { Db } from "../../db/client.ts";
import type { HoursCache } from "../../db/queries/look.ts";
import type { Lease } from "../../db/queries/upkeep/lease.ts";
import type { Rule } from "../detect/rule.ts";

/** Of SQL: made by queries only. */
export type Statement = Lease["guard"];

/** What judging needs. */
export type Judging = {
  db: Db;
  /** Epoch ms. */
  now: () => number;
  /** Holds while this tick has the lease. */
  lease: Statement;
  /** Whether there is time for another step; throws where the lease is lost. */
  goesOn: () => Promise<boolean>;
  rules: readonly Rule[];
  hours?: HoursCache | undefined;
  /** Windows that came before it are passed over. Epoch ms. Default: none are. */
  from?: number | undefined;
  /** Told where more is wrong in a cluster than may live there. */
  onCrowded?: ((clusterId: number) => void) | undefined;
  onDamaged?: (() => void) | undefined;
  /** Told of each window that could not be judged. `first`: of its page. */
  onFailed?: ((error: unknown, first: boolean) => void) | undefined;
};
