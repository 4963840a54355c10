import { type Client, createClient } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql";
import type { Db } from "./client.ts";

/** How long the first statement of a look waits for a process that holds the file for itself. */
const BUSY_TIMEOUT_MS = 5_000;

export type Reading = {
  /** Each look sees the database as of one moment; a long one keeps the write-ahead log from being taken over. */
  look: <T>(ask: (db: Db) => Promise<T>) => Promise<T>;
  close(): void;
};

/** A database file that is there, to be read and never written, also while a service writes to it. */
export function openToRead(url: string): Reading {
  const client = createClient({ url, concurrency: 1, timeout: BUSY_TIMEOUT_MS });
  return {
    look: async (ask) => {
      const moment = await client.transaction("read");
      try {
        // Drizzle's own transactions are for writing; it needs no more of a client than what a transaction has as well.
        return await ask(drizzle(moment as unknown as Client));
      } finally {
        moment.close();
      }
    },
    close: () => client.close(),
  };
}
