import { test } from "vitest";
import type { LogLine } from "../../agent/log.ts";
import type { Outcome, Parcel } from "../../agent/push.ts";
import { Sender, type Sending } from "../../agent/sender.ts";
import { Backlog } from "../../agent/spool/backlog.ts";

const parcel = (sequence: number, body: Uint8Array = new Uint8Array(1)): Parcel => ({
  bootId: "boot",
  sequence,
  encoding: "zstd",
  body,
});
const STORED: Outcome = { kind: "stored" };
const DOWN: Outcome = { kind: "retry", reason: "down" };
const TOO_LARGE: Outcome = { kind: "too-large", reason: "413" };

/** Lets the test have its turn, where nothing else would wait for anything. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** A server: what it answers to a report. */
type Server = (parcel: Parcel) => Outcome | Promise<Outcome>;

/** A sender with reports in memory, before a server; sleeps take no time, but are ended by what ends them. */
function sending(server: Server, differing: Partial<Sending> = {}) {
  const posted: number[] = [];
  const slept: number[] = [];
  const logged: LogLine[] = [];
  const log = (line: LogLine) => void logged.push(line);
  const backlog = new Backlog({ now: () => 0, log, lock: async () => () => {} });
  const io: Sending = {
    post: async (parcel) => {
      posted.push(parcel.sequence);
      return server(parcel);
    },
    shrink: async () => undefined,
    random: () => 1,
    log,
    ...differing,
    sleep: async (ms, signal) => {
      await turn();
      slept.push(ms);
      await differing.sleep?.(ms, signal);
    },
  };
  const sender = new Sender(io, backlog);
  return { sender, backlog, posted, slept, logged };
}

/** Answers in turn, and then stores everything. */
const inTurn =
  (...answers: Outcome[]): Server =>
  () =>
    answers.shift() ?? STORED;

/** Runs until nothing waits any more. */
async function untilSent({ sender }: { sender: Sender }): Promise<void> {
  const run = sender.run();
  while (sender.unsent > 0) await turn();
  sender.stop();
  await run;
}

async function offer(sender: Sender, ...sequences: number[]): Promise<void> {
  for (const sequence of sequences) await sender.offer(parcel(sequence));
}

test("reports are handed over newest first, and none twice", async ({ expect }) => {
  const setup = sending(inTurn());
  await offer(setup.sender, 1, 2, 3);
  await untilSent(setup);
  expect(setup.posted).toEqual([3, 2, 1]);
});

test("the newest goes at once, each older one after a pause", async ({ expect }) => {
  const setup = sending(inTurn());
  await offer(setup.sender, 1, 2, 3);
  await untilSent(setup);
  expect(setup.slept).toEqual([3_000, 3_000]);
});

test("a new report ends the pause before an old one, and goes first", async ({ expect }) => {
  let pauses = 0;
  const sleep: Sending["sleep"] = async (_ms, signal) => {
    pauses += 1;
    if (pauses > 1) return;
    await setup.sender.offer(parcel(4));
    expect(signal.aborted).toBe(true);
  };
  const setup = sending(inTurn(), { sleep });
  await offer(setup.sender, 1, 2, 3);
  await untilSent(setup);
  expect(setup.posted).toEqual([3, 4, 2, 1]);
});

test("while new reports are due without end, one send of five is for an old one", async ({ expect }) => {
  let next = 10;
  const setup = sending(async () => {
    if (next < 22) await setup.sender.offer(parcel(next++));
    return STORED;
  });
  await offer(setup.sender, 1, 2, 3);
  await untilSent(setup);
  expect(setup.posted).toEqual([3, 10, 11, 12, 2, 14, 15, 16, 17, 13, 19, 20, 21, 18, 1]);
});

test("what an earlier run has left is old from the start", async ({ expect }) => {
  const { backlog, sender: _unused } = sending(inTurn());
  await backlog.offer(parcel(1));
  const slept: number[] = [];
  const io = { shrink: async () => undefined, random: () => 0, log: () => {} };
  const sleep = async (ms: number) => void slept.push(ms);
  const sender = new Sender({ ...io, sleep, post: async () => STORED }, backlog);
  await untilSent({ sender });
  expect(slept).toEqual([1_000]);
});

test("a passing failure is waited out for as long as the server asks, also when a new report comes", async ({
  expect,
}) => {
  const sleep: Sending["sleep"] = async (ms, signal) => {
    if (ms < 17_000) return;
    await setup.sender.offer(parcel(2));
    expect(signal.aborted).toBe(false);
  };
  const setup = sending(inTurn({ kind: "retry", reason: "busy", waitMs: 17_000 }), { sleep });
  await offer(setup.sender, 1);
  await untilSent(setup);
  // And a part of the first second on top, so that a fleet does not come back in step.
  expect([setup.posted, setup.slept[0]]).toEqual([[1, 2, 1], 18_000]);
});

test("a wait the server named after an old report holds for new ones too", async ({ expect }) => {
  const signals: boolean[] = [];
  const sleep: Sending["sleep"] = async (ms, signal) => {
    if (ms < 17_000) return;
    await setup.sender.offer(parcel(3));
    signals.push(signal.aborted);
  };
  const setup = sending(inTurn(STORED, { kind: "retry", reason: "busy", waitMs: 17_000 }), { sleep });
  await offer(setup.sender, 1, 2);
  await untilSent(setup);
  expect([setup.posted, signals]).toEqual([[2, 1, 3, 1], [false]]);
});

test.for([[undefined], [0]])(
  "a server that names %s as its wait is asked after one, two, four seconds",
  async ([waitMs], { expect }) => {
    const down: Outcome = { kind: "retry", reason: "down", ...(waitMs !== undefined && { waitMs }) };
    const setup = sending(inTurn(down, down, down));
    await offer(setup.sender, 1);
    await untilSent(setup);
    expect(setup.slept).toEqual([1_000, 2_000, 4_000]);
    expect(setup.logged.at(-1)).toMatchObject({ event: "reporting-resumed", sequence: 1 });
  },
);

test("a token that is refused is an error, a server that is away a warning", async ({ expect }) => {
  const setup = sending(inTurn(DOWN, { kind: "retry", reason: "401", unauthorized: true }));
  await offer(setup.sender, 1);
  await untilSent(setup);
  const delayed = setup.logged.filter(({ event }) => event === "report-delayed");
  expect(delayed.map(({ level }) => level)).toEqual(["warning", "error"]);
});

test("a report that is refused for good leaves the line, is logged and declared", async ({ expect }) => {
  const setup = sending(inTurn({ kind: "rejected", reason: "422" }));
  await offer(setup.sender, 1, 2);
  await untilSent(setup);
  expect(setup.posted).toEqual([2, 1]);
  expect(setup.logged[0]).toMatchObject({ level: "error", event: "report-rejected", sequence: 2 });
  expect(setup.sender.rejected).toBe(1);
  expect(setup.backlog.declarations).toEqual([{ bootId: "boot", from: 2, to: 2, reason: "refused" }]);
});

test("an old report that the server always stumbles over holds up neither old nor new ones", async ({
  expect,
}) => {
  const setup = sending(({ sequence }) => (sequence === 3 && !setup.posted.includes(6) ? DOWN : STORED), {
    sleep: async () => {
      if (setup.posted.length === 5) await setup.sender.offer(parcel(5));
      if (setup.posted.length === 8) await setup.sender.offer(parcel(6));
    },
  });
  await offer(setup.sender, 1, 2, 3, 4);
  await untilSent(setup);
  expect(setup.posted.indexOf(1)).toBe(3);
  expect(setup.posted.slice(0, 4)).toEqual([4, 3, 2, 1]);
  expect(setup.posted.filter((sequence) => sequence > 4)).toEqual([5, 6]);
});

test("a report that is too large is halved until it fits", async ({ expect }) => {
  const half = async (whole: Parcel) => parcel(whole.sequence, whole.body.subarray(whole.body.length / 2));
  const setup = sending(({ body }) => (body.length > 16 ? TOO_LARGE : STORED), { shrink: half });
  await setup.sender.offer(parcel(1, new Uint8Array(64)));
  await untilSent(setup);
  expect([setup.posted, setup.sender.rejected]).toEqual([[1, 1, 1], 0]);
});

test("a report that is still too large when nothing is left to halve is refused", async ({ expect }) => {
  const halves = [parcel(1), parcel(1)];
  const setup = sending(() => TOO_LARGE, { shrink: async () => halves.shift() });
  await offer(setup.sender, 1);
  await untilSent(setup);
  expect([setup.posted, setup.sender.rejected]).toEqual([[1, 1, 1], 1]);
});

test("a report that halving does not make smaller is given up after ten times", async ({ expect }) => {
  const setup = sending(() => TOO_LARGE, { shrink: async (whole) => whole });
  await offer(setup.sender, 1);
  await untilSent(setup);
  expect([setup.posted.length, setup.sender.rejected]).toEqual([11, 1]);
});

test("a report that cannot be halved for an error of ours waits, and the rest goes on", async ({
  expect,
}) => {
  const shrink = async () => {
    throw new Error("no way to halve");
  };
  const setup = sending(({ sequence }) => (sequence === 1 ? TOO_LARGE : STORED), { shrink });
  await offer(setup.sender, 1, 2);
  const run = setup.sender.run();
  while (!setup.logged.some(({ event }) => event === "report-delayed")) await turn();
  setup.sender.stop();
  expect([await run, setup.posted.slice(0, 2)]).toEqual([1, [2, 1]]);
});

test("what cannot be handed over when stopped is counted and declared, after one attempt", async ({
  expect,
}) => {
  const { sender, posted, backlog } = sending(() => DOWN);
  await offer(sender, 1, 2, 3);
  sender.stop();
  expect([await sender.run(), posted]).toEqual([3, [3]]);
  expect(backlog.declarations).toEqual([{ bootId: "boot", from: 1, to: 3, reason: "failed" }]);
});

test("what is in memory when stopped is handed over without pauses", async ({ expect }) => {
  const { sender, posted, slept } = sending(inTurn());
  await offer(sender, 1, 2, 3);
  sender.stop();
  expect([await sender.run(), posted, slept]).toEqual([0, [3, 2, 1], []]);
});

test("the status says how many wait and where", async ({ expect }) => {
  const { sender } = sending(inTurn());
  await offer(sender, 1, 2);
  expect(sender.status).toEqual({ waiting: 2, spool: "none" });
});
