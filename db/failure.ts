import { DrizzleQueryError } from "drizzle-orm";

/** Whether the database is to blame: it is away, busy, full or refuses a statement. */
export function isDatabaseFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Batches come without drizzle's wrapping. libSQL's class is not imported, since Workers on D1 do without the driver;
  // D1 has no class, only this beginning.
  const driver = error.name === "LibsqlError" || error.message.startsWith("D1_");
  return driver || error instanceof DrizzleQueryError || isDatabaseFailure(error.cause);
}
