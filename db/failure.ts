import { DrizzleQueryError } from "drizzle-orm";

/** libSQL's own, one for a statement and one for a batch, and that of the SQLite below it. */
const DRIVER_ERRORS = new Set(["LibsqlError", "LibsqlBatchError", "SqliteError"]);

/** Whether the database is to blame: it is away, busy, full or refuses a statement. */
export function isDatabaseFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Batches come without drizzle's wrapping. libSQL's class is not imported, since Workers on D1 do without the driver;
  // D1 has no class, only this beginning.
  const driver = DRIVER_ERRORS.has(error.name) || error.message.startsWith("D1_");
  return driver || error instanceof DrizzleQueryError || isDatabaseFailure(error.cause);
}

/** Busy, full, read-only or broken (SQLite's result codes): no report is to blame. */
const AWAY = /SQLITE_(BUSY|LOCKED|IOERR|READONLY|CANTOPEN|CORRUPT)|database is locked/;

/** Whether asking for something else would fail as well. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return AWAY.test(saidBySqlite(error)) || isDatabaseFull(error) || isDatabaseAway(error.cause);
}

/** Drizzle's own message repeats the statement with its parameters, which are anybody's words. */
function saidBySqlite(error: Error): string {
  const { code = "" } = error as { code?: string };
  return error instanceof DrizzleQueryError ? code : `${code} ${error.message}`;
}

/** SQLITE_FULL is both a full disk and a limit of its own; the others are D1's limits of a database and of an account. */
const FULL = /SQLITE_FULL|database or disk is full|maximum DB size|maximum account storage/i;

/** Whether there is no room to write: reads go on, and writes once somebody made room. */
export function isDatabaseFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return FULL.test(saidBySqlite(error)) || isDatabaseFull(error.cause);
}

const DAMAGED = /SQLITE_(CORRUPT|NOTADB)|database disk image is malformed|file is not a database/;

/** Whether what SQLite found in the file is no database, or no longer one. */
export function isDatabaseDamaged(error: unknown): boolean {
  return error instanceof Error && (DAMAGED.test(saidBySqlite(error)) || isDatabaseDamaged(error.cause));
}

/** What SQLite answers to a file it cannot open, SQLITE_CANTOPEN, in the words of libsql 0.5. */
const CANNOT_OPEN = /Unable to open connection to local database (.*): 14\b/;

/** Why a database could not be opened, and what to do about it. */
export function whyNotOpened(error: unknown): string {
  const { message } = innermost(error);
  const [, file] = CANNOT_OPEN.exec(message) ?? [];
  const { syscall } = innermost(error) as NodeJS.ErrnoException;
  if (file === undefined && syscall !== "mkdir") return message;
  const reason = file === undefined ? message : `SQLite cannot open the file ${file}`;
  return `${reason}; its folder must exist and be writable, and so must the file if there is one`;
}

/** The innermost cause: drivers wrap it in the whole statement with its parameters. */
export function innermost(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.cause instanceof Error ? innermost(error.cause) : error;
}
