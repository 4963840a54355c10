import { createClient } from "@libsql/client/web";
import { drizzle } from "drizzle-orm/libsql/web";
import type { Db } from "./client.ts";

/** A remote libSQL server over HTTP, where there is no file system (Workers). */
export function openLibsqlWeb({ url, authToken }: { url: string; authToken?: string | undefined }): Db {
  return drizzle(createClient({ url, ...(authToken === undefined ? {} : { authToken }) }));
}
