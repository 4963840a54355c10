import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@libsql/client";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { migrate } from "drizzle-orm/libsql/migrator";
import type { Db } from "./client.ts";

/** How long a statement waits for another process that writes to the same file; nothing else happens meanwhile. */
const BUSY_TIMEOUT_MS = 1_000;
const MIGRATIONS = join(import.meta.dirname, "migrations");

/** Pages given back at once, 1 MB: others wait meanwhile. */
const PAGES_A_STEP = 256;
/** A file made before space was given back is written anew, if that takes no more than about a second. */
const MAX_REWRITTEN_BYTES = 128 << 20;
/** Of auto_vacuum: free pages stay in the file until they are asked for. */
const INCREMENTAL = 2;

const DURABLE = "pragma journal_mode = wal; pragma synchronous = full;";

/**
 * A statement of libsql 0.5 that fails because the file is busy stays open, and with it a transaction that takes in all
 * later writes and never commits them. So after any failure the connection is opened anew, before anything else is done.
 */
function healing(client: Client): Client {
  const healed = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (error) {
      client.reconnect();
      await client.executeMultiple(DURABLE);
      throw error;
    }
  };
  const acts = new Map<string | symbol, unknown>([
    ["execute", (...args: Parameters<Client["execute"]>) => healed(() => client.execute(...args))],
    ["batch", (...args: Parameters<Client["batch"]>) => healed(() => client.batch(...args))],
  ]);
  return new Proxy(client, { get: (target, name) => acts.get(name) ?? bound(target, name) });
}

/** The client keeps its state in private fields, which only it has and not its proxy. */
function bound(client: Client, name: string | symbol): unknown {
  const value: unknown = Reflect.get(client, name, client);
  return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(client) : value;
}

export type Database = {
  db: Db;
  /** Brings the schema up to date; does nothing where it is. */
  migrate(): Promise<void>;
  /** Cuts some of what was freed off the file; whether there is more. Of files only. */
  giveSpaceBack?: (() => Promise<boolean>) | undefined;
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
  // The first has to come before anything is written, and is without effect afterwards.
  if (file) await client.executeMultiple(`pragma auto_vacuum = incremental; ${DURABLE}`);
  const db = drizzle(file ? healing(client) : client);
  return {
    db,
    migrate: async () => {
      await migrate(db, { migrationsFolder: MIGRATIONS });
      if (file) await becomeShrinkable(db);
    },
    ...(file && { giveSpaceBack: () => shrink(db, client) }),
    close: () => client.close(),
  };
}

async function pragma(db: Db, name: string): Promise<number> {
  const [row] = await db.all<Record<string, number>>(sql.raw(`pragma ${name}`));
  return row?.[name] ?? 0;
}

/** Of a larger file the free pages stay, and are filled again. */
async function becomeShrinkable(db: Db): Promise<void> {
  if ((await pragma(db, "auto_vacuum")) === INCREMENTAL) return;
  if ((await pragma(db, "page_count")) * (await pragma(db, "page_size")) > MAX_REWRITTEN_BYTES) return;
  await db.run(sql`pragma auto_vacuum = incremental`);
  await db.run(sql`vacuum`);
}

async function shrink(db: Db, client: Client): Promise<boolean> {
  if ((await pragma(db, "auto_vacuum")) !== INCREMENTAL) return false;
  const before = await pragma(db, "freelist_count");
  if (before === 0) return false;
  // It gives a row a page without columns: as a query it would be left open, and nothing could be committed any more.
  await client.executeMultiple(`pragma incremental_vacuum(${PAGES_A_STEP})`);
  const after = await pragma(db, "freelist_count");
  return after > 0 && after < before;
}

function filePath(url: string): string | undefined {
  if (!url.startsWith("file:") || url.startsWith("file::memory:")) return undefined;
  if (url.startsWith("file:///")) return fileURLToPath(url);
  return decodeURIComponent(url.slice("file:".length).split("?")[0] ?? "");
}
