import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import { GROUP_INTERVAL_MS } from "../../../../db/queries/outbox.ts";
import { anOutbox, type Came, type Change, type Outbox } from "../../../support/outbox.ts";
import { Killer } from "../../../support/killed.ts";
import { ON_WORKERS } from "../../../support/on-workers.ts";

const HOUR = 3_600_000;
const CHANNELS = ["ops", "pager"];
const SUBJECTS = ["a", "b", "c"];
/** All of the figure is: 50. */
const SEEDS = Number(globalThis.process?.env?.["CONNTRAIL_CRASH_SEEDS"] ?? (ON_WORKERS ? 1 : 3));

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
  doubles = 0;
  readonly wrong: string[] = [];

  read({ alert }: Came): void {
    let isDouble = false;
    for (const { id, state, transition, severity } of alert.anomalies) {
      const known = this.open.get(id);
      if (state === "open") {
        isDouble ||= !alert.repeat && known === severity;
        this.open.set(id, severity);
      } else {
        const saysBoth = alert.counts.opened > 0;
        if (known === undefined && !saysBoth)
          this.over(id) ? (isDouble = true) : this.wrong.push(`${id} ${transition}`);
        this.open.delete(id);
        this.#over.add(id);
      }
    }
    if (alert.kind === "resolved" && alert.counts.open > 0)
      this.wrong.push("all clear while something is open");
    if (isDouble) this.doubles += 1;
  }

  readonly #over = new Set<number>();
  over(id: number): boolean {
    return this.#over.has(id);
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

describe("a dispatcher that is killed before or after any of its steps", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1)
    test(`loses nothing, and says at most one message of a channel twice; seed ${seed}`, async ({
      expect,
    }) => {
      const outbox = await anOutbox();
      for (const name of CHANNELS) await outbox.channel(name);
      const random = randomOf(seed);
      const open = new Map<string, string>();
      const readers = new Map(CHANNELS.map((name) => [name, new Reader()]));
      let read = 0;
      let kills = 0;
      // Until a round ends before its step comes.
      for (let at = 0, isDead = true; isDead || at < 20; at += ON_WORKERS ? 3 : 1) {
        const killer = new Killer(at);
        const doubles = [...readers.values()].map((reader) => reader.doubles);
        await outbox.judge(changesOf(open, random));
        await outbox.dispatch({ on: killer.db(outbox.db), send: killer.send(outbox.chat.send) });
        isDead = killer.dead;
        kills += isDead ? 1 : 0;
        outbox.clock.now += random() < 0.5 ? 1_000 : GROUP_INTERVAL_MS;
        await outbox.judge(changesOf(open, random));
        await settled(outbox);
        for (; read < outbox.chat.came.length; read += 1) {
          const came = outbox.chat.came[read];
          if (came) readers.get(came.channel)?.read(came);
        }
        const wanted = await openIn(outbox);
        for (const [nth, reader] of [...readers.values()].entries()) {
          expect(reader.wrong, `killed at step ${at}`).toEqual([]);
          expect(
            [...reader.open.keys()].toSorted((a, b) => a - b),
            `killed at step ${at}`,
          ).toEqual(wanted);
          expect(reader.doubles - (doubles[nth] ?? 0), `killed at step ${at}`).toBeLessThanOrEqual(
            isDead ? 1 : 0,
          );
        }
        outbox.clock.now += 2 * GROUP_INTERVAL_MS;
      }
      expect(kills).toBeGreaterThan(ON_WORKERS ? 4 : 15);
      expect(await outbox.db.all(sql`select distinct state from deliveries`)).toEqual([{ state: "sent" }]);
    }, 60_000);
});
