import type { Db } from "./client.ts";

/** A remote libSQL server over HTTP, where there is no file system (Workers). */
export function openLibsqlWeb(_options: { url: string; authToken?: string | undefined }): Db {
  throw new Error("not yet");
}
