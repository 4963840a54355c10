import { test } from "vitest";
import type { LogLine } from "../../agent/log.ts";
import type { Outcome, Parcel } from "../../agent/push.ts";
import { MAX_WAITING, Sender } from "../../agent/sender.ts";

const parcel = (sequence: number): Parcel => ({ sequence, encoding: "zstd", body: new Uint8Array() });
const STORED: Outcome = { kind: "stored" };

/** A sender before a server that gives these answers in turn, and then stores everything. */
function sending(...answers: Outcome[]) {
  const posted: number[] = [];
  const slept: number[] = [];
  const logged: LogLine[] = [];
  let settled = () => {};
  const sender = new Sender({
    post: async ({ sequence }) => {
      posted.push(sequence);
      return answers.shift() ?? STORED;
    },
    sleep: async (ms) => {
      slept.push(ms);
      settled();
    },
    random: () => 1,
    log: (line) => void logged.push(line),
  });
  const firstSleep = new Promise<void>((resolve) => {
    settled = resolve;
  });
  return { sender, posted, slept, logged, firstSleep };
}

test("reports are handed over newest first, and none twice", async ({ expect }) => {
  const { sender, posted } = sending();
  for (const sequence of [1, 2, 3]) sender.offer(parcel(sequence));
  const run = sender.run();
  sender.stop();
  expect([await run, posted]).toEqual([0, [3, 2, 1]]);
});

test("a passing failure is waited out for as long as the server asks", async ({ expect }) => {
  const { sender, posted, slept, firstSleep } = sending({ kind: "retry", reason: "busy", waitMs: 17_000 });
  sender.offer(parcel(1));
  const run = sender.run();
  await firstSleep;
  sender.stop();
  // And a part of the first second on top, so that a fleet does not come back in step.
  expect([await run, posted, slept]).toEqual([0, [1, 1], [18_000]]);
});

test("a server that asks for no wait at all is not asked in a circle", async ({ expect }) => {
  const now: Outcome = { kind: "retry", reason: "now", waitMs: 0 };
  const { sender, slept, logged } = sending(now, now, now);
  sender.offer(parcel(1));
  const run = sender.run();
  while (!logged.some(({ event }) => event === "reporting-resumed")) await Promise.resolve();
  sender.stop();
  expect([await run, slept]).toEqual([0, [1_000, 2_000, 4_000]]);
});

test("a server that names no time is asked after one, two, four seconds", async ({ expect }) => {
  const down: Outcome = { kind: "retry", reason: "down" };
  const { sender, slept, logged } = sending(down, down, down);
  sender.offer(parcel(1));
  const run = sender.run();
  while (!logged.some(({ event }) => event === "reporting-resumed")) await Promise.resolve();
  sender.stop();
  expect([await run, slept]).toEqual([0, [1_000, 2_000, 4_000]]);
});

test("a report that is refused for good leaves the queue and is logged", async ({ expect }) => {
  const { sender, posted, logged } = sending({ kind: "rejected", reason: "422" });
  for (const sequence of [1, 2]) sender.offer(parcel(sequence));
  const run = sender.run();
  sender.stop();
  expect([await run, posted]).toEqual([0, [2, 1]]);
  expect(logged[0]).toMatchObject({ level: "error", event: "report-rejected", sequence: 2 });
  expect(sender.rejected).toBe(1);
});

test("what cannot be handed over when stopped is counted, after one attempt", async ({ expect }) => {
  const down: Outcome = { kind: "retry", reason: "down" };
  const { sender } = sending(down, down, down);
  for (const sequence of [1, 2, 3]) sender.offer(parcel(sequence));
  sender.stop();
  expect(await sender.run()).toBe(3);
});

test.for([
  [MAX_WAITING, 0],
  [MAX_WAITING + 1, 1],
])(
  "of %i waiting reports %i are dropped, the oldest first, and said",
  async ([count, dropped], { expect }) => {
    const { sender, logged, posted } = sending();
    for (let sequence = 1; sequence <= count!; sequence += 1) sender.offer(parcel(sequence));
    sender.stop();
    await sender.run();
    expect(logged.filter(({ event }) => event === "report-dropped").map(({ sequence }) => sequence)).toEqual(
      dropped ? [1] : [],
    );
    expect(posted).toHaveLength(MAX_WAITING);
  },
);
