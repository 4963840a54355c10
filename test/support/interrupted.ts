import type { Db } from "../../db/client.ts";

/** The database, until it was asked so many times: then `interrupt` comes first. */
export function interrupted(db: Db, calls: number, interrupt: () => Promise<void> | void): Db {
  let left = calls;
  const before =
    <Arguments extends unknown[], Answer>(act: (...args: Arguments) => PromiseLike<Answer>) =>
    async (...args: Arguments): Promise<Answer> => {
      left -= 1;
      if (left < 0) await interrupt();
      return act(...args);
    };
  const batch: Db["batch"] = (queries) => before(() => db.batch(queries))();
  // Queries of a batch are made, but not run, one by one.
  const later = (name: "all" | "run") => (query: Parameters<Db["all"]>[0]) => {
    const made = db[name](query) as PromiseLike<unknown>;
    return new Proxy(made, {
      get: (target, key) =>
        key === "then"
          ? (...then: Parameters<PromiseLike<unknown>["then"]>) => before(() => target)().then(...then)
          : bound(target, key),
    });
  };
  return Object.assign(Object.create(db) as Db, { batch, all: later("all"), run: later("run") });
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target);
  return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
}
