import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { SQLiteAsyncDialect } from "drizzle-orm/sqlite-core";
import type { Db } from "../../db/client.ts";

/** Hands over each statement that is read with. */
export const heard = (db: Db, said: SQL[]): Db =>
  new Proxy(db, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        if (name === "all") said.push(given[0] as SQL);
        return Reflect.apply(value, target, given);
      };
    },
  });

/** What a statement makes for itself is small, and may be read whole. */
const isMade = (name: string, text: string): boolean =>
  new RegExp(
    `json_each\\([^)]*\\) ${name}\\b|\\b${name} (\\([^)]*\\) )?as (materialized )?\\(|\\) ${name}\\b`,
  ).test(text);

/** Tables, by the names they have in the statement, of which all rows are looked through. */
export async function scannedBy(db: Db, statement: SQL): Promise<string[]> {
  const steps = await db.all<{ detail: string }>(sql`explain query plan ${statement}`);
  const text = new SQLiteAsyncDialect().sqlToQuery(statement).sql;
  return steps.flatMap(({ detail }) => {
    const [, name = ""] = /^SCAN (\w+)(?!.*VIRTUAL TABLE)/.exec(detail) ?? [];
    return name === "" || name === "CONSTANT" || isMade(name, text) ? [] : [`${detail} of ${text}`];
  });
}
