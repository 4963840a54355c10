import * as z from "zod";
import { parsed, whole } from "./parameters.ts";

export const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;

/** The parameters of every list. A cursor is the key of the last row seen, made opaque. */
export const pageParameters = {
  cursor: parsed(decodeCursor, "not a cursor this service gave")
    .optional()
    .meta({ param: { description: "`next` of the page before." } }),
  limit: whole(1, MAX_PAGE)
    .optional()
    .meta({ param: { description: `Rows at most, 1 to ${MAX_PAGE}. Default ${DEFAULT_PAGE}.` } }),
};

export const Next = z
  .string()
  .optional()
  .meta({ description: "Cursor of the next page; absent on the last." });

interface Page {
  after: string | undefined;
  limit: number;
}

/** One row more than is shown, to know whether there are more. */
export const pageQuery = (query: { cursor?: string | undefined; limit?: number | undefined }): Page => ({
  after: query.cursor,
  limit: (query.limit ?? DEFAULT_PAGE) + 1,
});

/** What is shown of rows read for `page`. */
export function toPage<T>(
  rows: readonly T[],
  page: Page,
  key: (row: T) => string,
): { rows: T[]; next?: string } {
  const shown = rows.slice(0, page.limit - 1);
  const last = shown.at(-1);
  if (rows.length < page.limit || last === undefined) return { rows: shown };
  return { rows: shown, next: encodeCursor(key(last)) };
}

function encodeCursor(key: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(key)))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

function decodeCursor(cursor: string): string | undefined {
  if (!/^[A-Za-z0-9_-]{1,2048}={0,2}$/.test(cursor)) return undefined;
  try {
    const bytes = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(
      Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)),
    );
  } catch {
    return undefined;
  }
}
