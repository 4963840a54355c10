import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql";
import { migrate } from "drizzle-orm/libsql/migrator";
import type { Db } from "./client.ts";

/** How long a statement waits for another process that writes to the same file. */
const BUSY_TIMEOUT_MS = 5_000;
const MIGRATIONS = join(import.meta.dirname, "migrations");

export type Database = {
  db: Db;
  /** Brings the schema up to date; does nothing where it is. */
  migrate(): Promise<void>;
  close(): void;
};

/** A file (`file:data/x.db`, its folder is made) or a remote libSQL server. */
export async function openLibsql(options: {
  url: string;
  authToken?: string | undefined;
}): Promise<Database> {
  const file = filePath(options.url);
  if (file) await mkdir(dirname(file), { recursive: true });
  const client = createClient({
    url: options.url,
    ...(options.authToken === undefined ? {} : { authToken: options.authToken }),
    // Files: one connection, because synchronous is a setting of the connection, not of the file.
    ...(file ? { concurrency: 1, timeout: BUSY_TIMEOUT_MS } : {}),
  });
  if (file) await client.executeMultiple("pragma journal_mode = wal; pragma synchronous = full;");
  const db = drizzle(client);
  return { db, migrate: () => migrate(db, { migrationsFolder: MIGRATIONS }), close: () => client.close() };
}

function filePath(url: string): string | undefined {
  if (!url.startsWith("file:") || url.startsWith("file::memory:")) return undefined;
  if (url.startsWith("file:///")) return fileURLToPath(url);
  return decodeURIComponent(url.slice("file:".length).split("?")[0] ?? "");
}
