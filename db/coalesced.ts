import type { Db } from "./client.ts";

type Query = ReturnType<Db["all"]>;
type Waiting = {
  queries: readonly Query[];
  resolve: (answers: unknown[]) => void;
  reject: (error: unknown) => void;
};

/**
 * A database for what is read at the same time: whatever is asked in one turn of the event loop becomes one batch, which is one call of D1,
 * of which Workers allow so many an invocation.
 */
export function coalesced(db: Db): Db {
  let waiting: Waiting[] = [];
  const flush = async () => {
    const all = waiting;
    waiting = [];
    try {
      const answers = await run(
        db,
        all.flatMap(({ queries }) => queries),
      );
      let begin = 0;
      for (const { queries, resolve } of all) resolve(answers.slice(begin, (begin += queries.length)));
    } catch (error) {
      for (const { reject } of all) reject(error);
    }
  };
  const enqueue = (queries: readonly Query[]) =>
    new Promise<unknown[]>((resolve, reject) => {
      if (waiting.push({ queries, resolve, reject }) === 1) setImmediate(() => void flush());
    });
  // Queries of a batch are made, but not run, one by one.
  const later = (query: Parameters<Db["all"]>[0]) =>
    new Proxy(db.all(query), {
      get: (target, key) =>
        key === "then"
          ? (...then: Parameters<PromiseLike<unknown>["then"]>) =>
              enqueue([target])
                .then(([answer]) => answer)
                .then(...then)
          : bound(target, key),
    });
  return Object.assign(Object.create(db) as Db, { batch: enqueue, all: later });
}

async function run(db: Db, queries: readonly Query[]): Promise<unknown[]> {
  const [first, ...others] = queries;
  if (!first) return [];
  return others.length === 0 ? [await first] : db.batch([first, ...others]);
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target);
  return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
}
