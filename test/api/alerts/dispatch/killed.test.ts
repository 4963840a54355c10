import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import type { AlertedAnomaly } from "../../../../api/alerts/alert.ts";
import { GROUP_INTERVAL_MS } from "../../../../db/queries/outbox.ts";
import { anOutbox, type Came, type Change, type Outbox } from "../../../support/outbox.ts";
import { Killer } from "../../../support/killed.ts";
import { ON_WORKERS } from "../../../support/on-workers.ts";

const HOUR = 3_600_000;
const CHANNELS = ["ops", "pager"];
/** No more than that: a message shows five anomalies, and each may come and go twice in a round. */
const SUBJECTS = ["a", "b"];
/** As many as a round has in which both channels are told; a round in which nothing happens has few. */
const STEPS = 40;
/** Few, for the time it takes; the figure is of fifty. */
const SEEDS = Number(globalThis.process?.env?.["CONNTRAIL_CRASH_SEEDS"] ?? (ON_WORKERS ? 1 : 2));

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a channel believes after what came, and what of that cannot be. */
class Reader {
  readonly open = new Map<number, string>();
  readonly #over = new Set<number>();
  doubles = 0;
  readonly wrong: string[] = [];

  believes(): number[] {
    return [...this.open.keys()].toSorted((a, b) => a - b);
  }

  read({ alert }: Came): void {
    const again = alert.anomalies.map((one) =>
      one.state === "open"
        ? this.#opened(one) && !alert.repeat
        : this.#resolved(one, alert.counts.opened > 0),
    );
    if (again.includes(true)) this.doubles += 1;
    if (alert.kind === "resolved" && alert.counts.open > 0)
      this.wrong.push("all clear while something is open");
  }

  /** Whether it was known. */
  #opened({ id, severity }: AlertedAnomaly): boolean {
    const known = this.open.get(id);
    this.open.set(id, severity);
    return known === severity;
  }

  /** Whether it was known. `saysBoth`: that it opened, too. */
  #resolved({ id }: AlertedAnomaly, saysBoth: boolean): boolean {
    const isAgain = this.#over.has(id);
    if (!this.open.has(id) && !saysBoth && !isAgain) this.wrong.push(`${id} resolved before it opened`);
    this.open.delete(id);
    this.#over.add(id);
    return isAgain && !saysBoth;
  }
}

/** What may happen to subjects that are open or not. */
function changesOf(open: Map<string, string>, random: () => number): Change[] {
  const changes: Change[] = [];
  for (const subject of SUBJECTS) {
    if (random() < 0.4) continue;
    const severity = random() < 0.5 ? "warning" : "critical";
    const known = open.get(subject);
    if (known === undefined) {
      changes.push({ subject, severity });
      open.set(subject, severity);
    } else if (known === "warning" && severity === "critical") {
      changes.push({ subject, to: "worsened", severity });
      open.set(subject, severity);
    } else {
      changes.push({ subject, to: "resolved" });
      open.delete(subject);
    }
  }
  return changes;
}

/** Until nothing waits but what is told again. */
async function settled(outbox: Outbox): Promise<void> {
  for (let at = 0; at < 20; at += 1) {
    const { nextDueAt } = await outbox.dispatch();
    if (nextDueAt === undefined || nextDueAt > outbox.clock.now + HOUR) return;
    outbox.clock.now = Math.max(nextDueAt, outbox.clock.now);
  }
  throw new Error("never settled");
}

const openIn = async ({ db }: Outbox): Promise<number[]> =>
  (await db.all<{ id: number }>(sql`select id from anomalies where resolved_at is null order by id`)).map(
    ({ id }) => id,
  );

/** A service that is told of changes, and the readers of its channels. */
async function aScene(seed: number) {
  const outbox = await anOutbox();
  for (const name of CHANNELS) await outbox.channel(name);
  const random = randomOf(seed);
  const open = new Map<string, string>();
  const readers = new Map(CHANNELS.map((name) => [name, new Reader()]));
  let read = 0;
  return {
    outbox,
    random,
    change: () => outbox.judge(changesOf(open, random)),
    /** The readers, once they have read what came since; how many doubles each found there. */
    news: () => {
      const before = new Map([...readers.values()].map((reader) => [reader, reader.doubles]));
      for (const came of outbox.chat.came.slice(read)) readers.get(came.channel)?.read(came);
      read = outbox.chat.came.length;
      return [...before].map(([reader, doubles]) => ({ reader, doubles: reader.doubles - doubles }));
    },
  };
}

describe("a dispatcher that is killed before or after any of its steps", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1)
    test(`loses nothing, and says at most one message of a channel twice; seed ${seed}`, async ({
      expect,
    }) => {
      const { outbox, random, change, news } = await aScene(seed);
      let kills = 0;
      for (let at = 0; at < STEPS; at += ON_WORKERS ? 3 : 1) {
        const killer = new Killer(at);
        await change();
        await outbox.dispatch({ on: killer.db(outbox.db), send: killer.send(outbox.chat.send) });
        kills += Number(killer.dead);
        outbox.clock.now += random() < 0.5 ? 1_000 : GROUP_INTERVAL_MS;
        await change();
        await settled(outbox);
        const wanted = await openIn(outbox);
        for (const { reader, doubles } of news()) {
          expect(reader.wrong, `killed at step ${at}`).toEqual([]);
          expect(reader.believes(), `killed at step ${at}`).toEqual(wanted);
          expect(doubles, `killed at step ${at}`).toBeLessThanOrEqual(Number(killer.dead));
        }
        outbox.clock.now += 2 * GROUP_INTERVAL_MS;
      }
      expect(kills).toBeGreaterThan(ON_WORKERS ? 4 : 10);
      expect(await outbox.db.all(sql`select distinct state from deliveries`)).toEqual([{ state: "sent" }]);
    }, 60_000);
});
