import { DrizzleQueryError } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Db } from "./client.ts";

/** What a query becomes in a batch; drizzle keeps it out of its types. */
interface Prepared {
  getQuery(): { sql: string; params: unknown[]; method?: string };
  mapResult(result: unknown, isFromBatch: true): unknown;
}

export function openD1(binding: D1Database): Db {
  return Object.assign(drizzle(binding), {
    // drizzle's own batch binds no parameters to `run` and `all` of plain SQL on D1, and throws.
    batch: async (queries: readonly { _prepare(): Prepared }[]) => {
      // oxlint-disable-next-line no-underscore-dangle -- drizzle's name
      const prepared = queries.map((query) => query._prepare());
      const statements = prepared.map((query) => {
        const { sql, params } = query.getQuery();
        return binding.prepare(sql).bind(...params);
      });
      const results = await binding.batch(statements).catch((error: unknown) => {
        // As drizzle does with single ones: a lost connection is a plain Error, and nothing else would tell whose it is.
        throw new DrizzleQueryError("batch", [], error instanceof Error ? error : new Error(String(error)));
      });
      return prepared.map((query, at) => {
        const result = results[at];
        return query.getQuery().method === "run" ? result : query.mapResult(result, true);
      });
    },
  });
}
