import { dueMarks } from "../../db/queries/outbox.ts";
import { channelsFor } from "../alerts/listeners.ts";
import type { Judging, Statement } from "./judging.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Writes what was gathered, and whom that is to be told to, in one batch. `first` answers a row where the batch holds; whether it did.
 */
export async function write(
  { db, now }: Judging,
  ledger: Ledger,
  { guard, first, others = [] }: { guard: Statement; first: Statement; others?: readonly Statement[] },
): Promise<boolean> {
  const channels = ledger.events.length > 0 ? await channelsFor(db) : [];
  const writes = [...ledger.writes(guard), ...dueMarks(ledger.events, channels, now(), guard), ...others];
  const [held] = await db.batch([db.all(first), ...writes.map((statement) => db.run(statement))]);
  return held.length > 0;
}
