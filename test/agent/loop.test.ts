import { test } from "vitest";
import { type Loop, runLoop } from "../../agent/loop.ts";
import type { Window } from "../../agent/window.ts";
import { aReport } from "../support/a-report.ts";

/** Runs the loop on a clock that only moves when the loop sleeps or reads, until `reads` windows are read. */
async function windowsOf(
  reads: number,
  clock: { now: number; early?: number; readMs?: number[]; jump?: number[] },
) {
  const stop = new AbortController();
  const windows: { window: Window; sequence: number }[] = [];
  const sent: number[] = [];
  const loop: Loop = {
    intervalMs: 30_000,
    now: () => clock.now,
    sleep: async (ms) => {
      clock.now += Math.max(1, ms - (clock.early ?? 0)) + (clock.jump?.shift() ?? 0);
    },
    read: async (window, sequence) => {
      windows.push({ window, sequence });
      clock.now += clock.readMs?.shift() ?? 0;
      if (windows.length === reads) stop.abort();
      if (sequence < 0) throw new Error("never");
      return aReport({ window, sequence });
    },
    send: async (report) => void sent.push(report.sequence),
    log: () => {},
  };
  await runLoop(loop, stop.signal);
  return {
    windows: windows.map(({ window }) => [window.from, window.to]),
    sequences: windows.map((w) => w.sequence),
    sent,
  };
}

test("windows end on the interval of the clock, the first one begins at the start", async ({ expect }) => {
  const { windows } = await windowsOf(3, { now: 1_000_007 });
  expect(windows.slice(0, 3)).toEqual([
    [1_000_007, 1_020_000],
    [1_020_000, 1_050_000],
    [1_050_000, 1_080_000],
  ]);
});

test("sequences rise by one and start above any earlier run, however short that was", async ({ expect }) => {
  const { sequences } = await windowsOf(3, { now: 1_000_000 });
  expect(sequences.slice(0, 3)).toEqual([1_000_000, 1_000_001, 1_000_002]);
  expect((await windowsOf(1, { now: 1_000_003 })).sequences[0]).toBeGreaterThan(1_000_002);
});

test("a timer that fires early does not cut a window short", async ({ expect }) => {
  const { windows } = await windowsOf(2, { now: 1_020_000, early: 3 });
  expect(windows).toEqual([
    [1_020_000, 1_050_000],
    [1_050_000, 1_080_000],
  ]);
});

test("a read that outlasts its interval makes the next window late and claims no more than one interval", async ({
  expect,
}) => {
  const { windows } = await windowsOf(2, { now: 1_020_000, readMs: [70_000] });
  expect(windows).toEqual([
    [1_020_000, 1_050_000],
    [1_110_000, 1_140_000],
  ]);
});

test("a clock set back an hour neither silences the loop nor makes a window in the future", async ({
  expect,
}) => {
  const { windows } = await windowsOf(2, { now: 7_220_000, jump: [0, -3_600_000] });
  expect(windows).toEqual([
    [7_220_000, 7_230_000],
    [3_660_000, 3_690_000],
  ]);
});

test.for([40_000, 3_600_000])(
  "after a sleep of %i ms over the end of a window that window is left out, not read late",
  async (ms, { expect }) => {
    const { windows } = await windowsOf(2, { now: 7_220_000, jump: [0, ms] });
    const woken = 7_260_000 + ms;
    const next = Math.ceil((woken + 1) / 30_000) * 30_000;
    expect(windows).toEqual([
      [7_220_000, 7_230_000],
      [woken, next],
    ]);
  },
);

test("the window that a stop cuts short is read and sent", async ({ expect }) => {
  const stop = new AbortController();
  const clock = { now: 1_020_000 };
  const windows: Window[] = [];
  await runLoop(
    {
      intervalMs: 30_000,
      now: () => clock.now,
      sleep: async () => {
        clock.now += 12_345;
        stop.abort();
      },
      read: async (window) => {
        windows.push(window);
        return aReport();
      },
      send: async () => {},
      log: () => {},
    },
    stop.signal,
  );
  expect(windows).toEqual([{ from: 1_020_000, to: 1_032_345 }]);
});

test("a window that cannot be read is logged and the next one is read", async ({ expect }) => {
  const stop = new AbortController();
  const events: string[] = [];
  let now = 0;
  let reads = 0;
  await runLoop(
    {
      intervalMs: 30_000,
      now: () => now,
      sleep: async (ms) => void (now += ms),
      read: async () => {
        reads += 1;
        if (reads === 2) stop.abort();
        if (reads === 1) throw new Error("boot id unreadable");
        return aReport();
      },
      send: async () => void events.push("sent"),
      log: ({ event, reason }) => void events.push(`${event}: ${reason}`),
    },
    stop.signal,
  );
  expect(events).toEqual(["window-failed: boot id unreadable", "sent"]);
});
