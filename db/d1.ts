import { DrizzleQueryError } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Db } from "./client.ts";

/** What a query becomes in a batch; drizzle keeps it out of its types. */
interface Prepared {
  getQuery(): { sql: string; params: unknown[]; method?: string };
  mapResult(result: unknown, isFromBatch: true): unknown;
}

/** `onCall` hears of each call of the binding: Workers allow so many an invocation, and a batch is one. */
export function openD1(binding: D1Database, onCall: () => void = () => {}): Db {
  return Object.assign(drizzle(heard(binding, onCall)), {
    // drizzle's own batch binds no parameters to `run` and `all` of plain SQL on D1, and throws.
    batch: async (queries: readonly { _prepare(): Prepared }[]) => {
      // oxlint-disable-next-line no-underscore-dangle -- drizzle's name
      const prepared = queries.map((query) => query._prepare());
      const statements = prepared.map((query) => {
        const { sql, params } = query.getQuery();
        return binding.prepare(sql).bind(...params);
      });
      onCall();
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

/** What drizzle runs one by one. */
function heard(binding: D1Database, onCall: () => void): D1Database {
  const statement = (made: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(made, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (typeof method !== "function") return method;
        return (...given: unknown[]): unknown => {
          if (name !== "bind") onCall();
          const answer: unknown = Reflect.apply(method, target, given);
          return name === "bind" ? statement(answer as D1PreparedStatement) : answer;
        };
      },
    });
  return Object.assign(Object.create(binding) as D1Database, {
    prepare: (query: string) => statement(binding.prepare(query)),
  });
}
