import { test } from "vitest";
import { type Loop, runLoop } from "../../agent/loop.ts";
import type { Window } from "../../agent/window.ts";

interface Clock {
  now: number;
  /** How early each timer fires. */
  early?: number;
  /** How long each preparation and each report takes. */
  prepareMs?: number[];
  closeMs?: number[];
  /** How far the clock leaps during each sleep. */
  jump?: number[];
}

/** Runs the loop on a clock that only moves when the loop sleeps or works, until `count` windows are closed. */
async function run(count: number, clock: Clock, differing: Partial<Loop> = {}) {
  const stop = new AbortController();
  const windows: [number, number][] = [];
  const prepared: [number, number][] = [];
  const skipped: [number, number][] = [];
  const loop: Loop = {
    intervalMs: 30_000,
    now: () => clock.now,
    sleep: async (ms) => {
      clock.now += Math.max(1, ms - (clock.early ?? 0)) + (clock.jump?.shift() ?? 0);
    },
    leadMs: () => 0,
    prepare: async (end) => {
      prepared.push([clock.now, end]);
      clock.now += clock.prepareMs?.shift() ?? 0;
    },
    close: async ({ from, to }) => {
      windows.push([from, to]);
      clock.now += clock.closeMs?.shift() ?? 0;
      if (windows.length === count) stop.abort();
    },
    skip: async ({ from, to }) => void skipped.push([from, to]),
    log: () => {},
    ...differing,
  };
  await runLoop(loop, stop.signal);
  return { windows, prepared, skipped };
}

test("windows end on the interval of the clock, the first one begins at the start", async ({ expect }) => {
  const { windows } = await run(3, { now: 1_000_007 });
  expect(windows).toEqual([
    [1_000_007, 1_020_000],
    [1_020_000, 1_050_000],
    [1_050_000, 1_080_000],
  ]);
});

test("stock is taken before the end, by the lead", async ({ expect }) => {
  const { windows, prepared } = await run(2, { now: 1_020_000 }, { leadMs: () => 400 });
  expect(prepared).toEqual([
    [1_049_600, 1_050_000],
    [1_079_600, 1_080_000],
  ]);
  expect(windows.at(-1)).toEqual([1_050_000, 1_080_000]);
});

test("a lead longer than what is left begins at once", async ({ expect }) => {
  const { prepared } = await run(1, { now: 1_049_900 }, { leadMs: () => 400 });
  expect(prepared).toEqual([[1_049_900, 1_050_000]]);
});

test("taking stock for longer than the lead neither moves the end nor leaves a gap", async ({ expect }) => {
  const { windows } = await run(2, { now: 1_020_000, prepareMs: [1_500] }, { leadMs: () => 400 });
  expect(windows).toEqual([
    [1_020_000, 1_050_000],
    [1_050_000, 1_080_000],
  ]);
});

test("a timer that fires early does not cut a window short", async ({ expect }) => {
  const { windows } = await run(2, { now: 1_020_000, early: 3 });
  expect(windows).toEqual([
    [1_020_000, 1_050_000],
    [1_050_000, 1_080_000],
  ]);
});

test.for(["prepareMs", "closeMs"] as const)(
  "work (%s) that outlasts its interval makes a window longer, and leaves no gap",
  async (work, { expect }) => {
    const { windows, skipped } = await run(3, { now: 1_020_000, [work]: [70_000] });
    expect(windows).toEqual(
      work === "closeMs"
        ? [
            [1_020_000, 1_050_000],
            [1_050_000, 1_140_000],
            [1_140_000, 1_170_000],
          ]
        : [
            [1_020_000, 1_120_000],
            [1_120_000, 1_140_000],
            [1_140_000, 1_170_000],
          ],
    );
    expect(skipped).toEqual([]);
  },
);

test("a clock set back an hour neither silences the loop nor makes a window in the future", async ({
  expect,
}) => {
  const { windows, skipped } = await run(2, { now: 7_220_000, jump: [0, -3_600_000] });
  expect(windows).toEqual([
    [7_220_000, 7_230_000],
    [3_660_000, 3_690_000],
  ]);
  expect(skipped).toEqual([[7_230_000, 3_660_000]]);
});

const WOKEN = 7_260_000;

test("after a sleep over the end of a window that window is as long as all of it took", async ({
  expect,
}) => {
  const { windows, skipped } = await run(3, { now: 7_220_000, jump: [0, 40_000] });
  expect(windows).toEqual([
    [7_220_000, 7_230_000],
    [7_230_000, WOKEN + 40_000],
    [WOKEN + 40_000, 7_320_000],
  ]);
  expect(skipped).toEqual([]);
});

test.for([
  [270_000, "reported"],
  [270_001, "skipped"],
] as const)(
  "after a sleep of %i ms a window as long as the API takes is %s",
  async ([ms, what], { expect }) => {
    const { windows, skipped } = await run(2, { now: 7_220_000, jump: [0, ms] });
    const slept = [7_230_000, WOKEN + ms];
    expect(what === "reported" ? windows[1] : skipped[0]).toEqual(slept);
    expect(windows[1]?.[0]).toBe(what === "reported" ? 7_230_000 : WOKEN + ms);
  },
);

test("the window that a stop cuts short is prepared and reported", async ({ expect }) => {
  const stop = new AbortController();
  const clock = { now: 1_020_000 };
  const done: (Window | number)[] = [];
  await runLoop(
    {
      intervalMs: 30_000,
      now: () => clock.now,
      sleep: async () => {
        clock.now += 12_345;
        stop.abort();
      },
      leadMs: () => 0,
      prepare: async (end) => void done.push(end),
      close: async (window) => void done.push(window),
      skip: async () => {},
      log: () => {},
    },
    stop.signal,
  );
  expect(done).toEqual([1_050_000, { from: 1_020_000, to: 1_032_345 }]);
});

test("a step that fails is logged and the next one is done", async ({ expect }) => {
  const events: string[] = [];
  let failures = 0;
  const { windows } = await run(
    2,
    { now: 1_020_000 },
    {
      prepare: async () => {
        failures += 1;
        if (failures === 1) throw new Error("boot id unreadable");
      },
      log: ({ event, reason }) => void events.push(`${event}: ${reason}`),
    },
  );
  expect(events).toEqual(["dump-failed: boot id unreadable"]);
  expect(windows).toHaveLength(2);
});
