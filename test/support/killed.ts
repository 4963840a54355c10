import type { Send } from "../../api/alerts/send.ts";
import type { Db } from "../../db/client.ts";

/** Kills whoever uses its database and its sending, before or after one of their steps: nothing they do then has any effect. */
export class Killer {
  /** Steps taken. */
  steps = 0;
  dead = false;
  private readonly at: number;

  /** `at`: step 0 is before the first call, 1 after it, 2 before the second, and so on. */
  constructor(at: number) {
    this.at = at;
  }

  /** Takes a step, or dies. */
  step(): void {
    if (this.steps === this.at) this.dead = true;
    this.steps += 1;
    if (this.dead) throw new Error("killed");
  }

  async around<T>(act: () => PromiseLike<T>): Promise<T> {
    this.step();
    const answer = await act();
    this.step();
    return answer;
  }

  send(send: Send): Send {
    return (outgoing, hosts) => this.around(() => send(outgoing, hosts));
  }

  db(db: Db): Db {
    const batch: Db["batch"] = (queries) => this.around(() => db.batch(queries));
    // Queries of a batch are made, but not run, one by one.
    const later = (name: "all" | "run") => (query: Parameters<Db["all"]>[0]) => {
      const made = db[name](query) as PromiseLike<unknown>;
      return new Proxy(made, {
        get: (target, key) =>
          key === "then"
            ? (...then: Parameters<PromiseLike<unknown>["then"]>) => this.around(() => target).then(...then)
            : bound(target, key),
      });
    };
    return Object.assign(Object.create(db) as Db, { batch, all: later("all"), run: later("run") });
  }
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target);
  return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
}
