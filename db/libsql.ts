import type { Db } from "./client.ts";

export type Database = { db: Db; close(): void };

/** A file (`file:data/x.db`, its folder is made) or a remote libSQL server. */
export async function openLibsql(_options: {
  url: string;
  authToken?: string | undefined;
}): Promise<Database> {
  throw new Error("not yet");
}

/** Brings the schema up to date; does nothing where it is. */
export async function migrateLibsql(_db: Db): Promise<void> {
  throw new Error("not yet");
}
