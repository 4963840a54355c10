import type { Db } from "../../db/client.ts";

/** A database that counts how often it is called. */
export const counted = (db: Db, calls: { count: number }): Db =>
  new Proxy(db, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        calls.count += 1;
        return Reflect.apply(value, target, given);
      };
    },
  });
