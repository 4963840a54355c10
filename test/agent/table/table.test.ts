import { test } from "vitest";
import { DumpBudget } from "../../../agent/budget.ts";
import type { EventsMode } from "../../../agent/host/events-mode.ts";
import { type Source, SourceError } from "../../../agent/sources/source.ts";
import { Summary } from "../../../agent/summary/summary.ts";
import { MAX_CARRIED_MS } from "../../../agent/table/table.ts";
import { Report } from "../../../api/wire.ts";
import { aReport } from "../../support/a-report.ts";
import type { PlainEntry } from "../../support/entries.ts";
import { cleanDump, sourceOf, Speaker, tableOf } from "../../support/tables.ts";

const { node, window } = aReport();
const one: PlainEntry = { source: 1, peer: 2, sourcePort: 1000 };

const asReport = (parts: object) => ({ node, sequence: 1, window, table: {}, ...parts });

test("a window has its dump and who uses the table", async ({ expect }) => {
  const { read } = tableOf(sourceOf([[one, { ...one, peer: 3 }]]));
  const parts = await read();
  expect(parts).toMatchObject({
    completeness: { source: "netlink", events: "off" },
    dump: { takenAt: window.to, durationMs: 0, entries: 2 },
    flows: { talkers: { entries: [2], peers: [2] } },
  });
  expect(parts.completeness.blind[0]).toBe("Nothing is seen of the dark side.");
  expect(Report.safeParse(asReport(parts)).error).toBeUndefined();
});

test("what begins and ends is counted in its window and not again in the next", async ({ expect }) => {
  const events = new Speaker();
  const { table, prepare } = tableOf(sourceOf([[one]]), { openEvents: async () => events });
  await prepare();
  await table.take(window);
  events.say("new", { ...one, sourcePort: 1001 });
  events.say("new", { ...one, sourcePort: 1002 });
  events.say("destroy", { ...one, sourcePort: 1001 });
  const heard = await table.take(window);
  expect(heard.completeness).toMatchObject({ events: "complete", opened: "events" });
  expect([heard.flows?.talkers.opened, heard.flows?.talkers.closed]).toEqual([[2], [1]]);
  const quiet = await table.take(window);
  expect([quiet.flows?.talkers.opened, quiet.flows?.talkers.closed]).toEqual([[0], [0]]);
});

test("a window without a dump of its own has the last one, with the time it was taken", async ({
  expect,
}) => {
  const dumps = [[one], [one, { ...one, sourcePort: 1001 }]];
  const budget = new DumpBudget(0.02);
  let cpu = 0;
  const { clock, read } = tableOf(sourceOf(dumps), { budget, cpuMs: () => (cpu += 300) });
  await read();
  clock.now += 10_000;
  expect((await read()).dump).toMatchObject({ takenAt: window.to, entries: 1 });
  clock.now += 5_000;
  expect((await read()).dump).toMatchObject({ takenAt: window.to + 15_000, entries: 2 });
});

test("events that were lost make one window lossy, and its dump is due whatever the budget", async ({
  expect,
}) => {
  const events = new Speaker();
  const dumps = [[one], [one, { ...one, sourcePort: 1001 }]];
  const budget = new DumpBudget(0.001);
  let cpu = 0;
  const deps = { openEvents: async () => events, budget, cpuMs: () => (cpu += 300) };
  const { read, clock } = tableOf(sourceOf(dumps), deps);
  await read();
  clock.now += 30_000;
  events.overrun();
  const lossy = await read();
  expect(lossy.completeness).toMatchObject({ events: "lossy", overruns: 1 });
  expect([lossy.dump?.entries, lossy.flows?.talkers.opened]).toEqual([2, [1]]);
  clock.now += 30_000;
  const after = await read();
  expect(after.completeness.events).toBe("complete");
  expect(after.completeness.overruns).toBeUndefined();
});

test("a stream that breaks is opened anew, and what was missed is said of its window", async ({ expect }) => {
  const speakers = [new Speaker(), new Speaker()];
  const opened: Speaker[] = [];
  const logged: string[] = [];
  const { read } = tableOf(sourceOf([[one]]), {
    openEvents: async () => {
      const events = speakers.shift()!;
      opened.push(events);
      return events;
    },
    log: ({ event }) => void logged.push(event),
  });
  expect((await read()).completeness.events).toBe("complete");
  opened[0]!.break(new SourceError("the kernel ended the stream", "open it again"));
  await new Promise(setImmediate);
  expect((await read()).completeness.events).toBe("lossy");
  expect((await read()).completeness.events).toBe("complete");
  expect([opened.length, logged]).toEqual([2, ["events-ended"]]);
});

test("what the kernel does not report is said, and openings are then what two dumps differ by", async ({
  expect,
}) => {
  const mode = async () => ({ setting: "off", reported: false, blind: ["No events here."] }) as const;
  const { read } = tableOf(sourceOf([[one], [{ ...one, sourcePort: 1001 }]]), {
    mode,
    openEvents: () => Promise.reject(new Error("must not be opened")),
  });
  expect((await read()).completeness.opened).toBeUndefined();
  const { completeness, flows } = await read();
  expect(completeness).toMatchObject({ events: "off", opened: "dumps" });
  expect(completeness.blind).toContain("No events here.");
  expect([flows?.talkers.opened, flows?.talkers.closed]).toEqual([[1], [1]]);
});

test("where events are turned off while they are listened to, openings are those of dumps from then on", async ({
  expect,
}) => {
  const off = { setting: "off", reported: false, blind: ["No events here."] } as const;
  let mode: EventsMode = { setting: "all", reported: true, blind: [] };
  const two = { ...one, sourcePort: 1001 };
  const { read } = tableOf(sourceOf([[one], [one, two]]), {
    mode: async () => mode,
    openEvents: async () => new Speaker(),
  });
  expect((await read()).completeness).toMatchObject({ events: "complete", opened: "events" });
  mode = off;
  const { completeness, flows } = await read();
  expect(completeness).toMatchObject({ events: "off", opened: "dumps" });
  expect(flows?.talkers.opened).toEqual([1]);
});

test("events that cannot be had are named and asked for again", async ({ expect }) => {
  let tries = 0;
  const { read } = tableOf(sourceOf([[one]]), {
    openEvents: async () => {
      tries += 1;
      if (tries === 1) throw new SourceError("no events", "load the module");
      return new Speaker();
    },
  });
  const first = await read();
  expect(first.completeness.events).toBe("off");
  expect(first.completeness.blind).toContain("no events; load the module");
  const second = await read();
  expect([second.completeness.events, second.completeness.overruns]).toEqual(["lossy", undefined]);
  expect((await read()).completeness.events).toBe("complete");
});

test("rows that could not be read are told", async ({ expect }) => {
  const unreadable = { lines: 3, samples: ["ipv9"] };
  const { read } = tableOf(sourceOf([[]], () => ({ ...cleanDump, unreadable })));
  expect((await read()).completeness).toMatchObject({ unreadable });
});

test("a first dump of a table that is resized meanwhile is told to be torn; later ones leave the one before", async ({
  expect,
}) => {
  const sizes = [65_536, 65_536, 131_072, 131_072, 131_072, 262_144, 262_144];
  const dumps = [[one, { ...one, sourcePort: 1001 }], [one]];
  const { read } = tableOf(sourceOf(dumps), { gauges: async () => ({ buckets: sizes.shift() ?? 262_144 }) });
  const first = await read();
  expect([first.completeness.interrupted, first.dump?.entries]).toEqual([true, 2]);
  const second = await read();
  expect(second.dump?.entries).toBe(2);
  expect(second.completeness.blind[0]).toMatch(/resized/);
  const third = await read();
  expect([third.completeness.interrupted, third.dump?.entries]).toEqual([undefined, 1]);
});

test("a torn first dump gives no keyframe; the next whole one does", async ({ expect }) => {
  const leased = { ...one, natAddress: 200, natPort: 50_001 };
  const ends = [{ ...cleanDump, interrupted: true }, cleanDump];
  const { table, prepare } = tableOf(sourceOf([[leased], [leased]], () => ends.shift() ?? cleanDump));
  await table.prepare({ timeouts: {}, keyframe: true }, new AbortController().signal);
  expect((await table.take(window)).keyframe).toBeUndefined();
  await prepare();
  expect((await table.take(window)).keyframe?.natPort).toEqual([50_001]);
  await prepare();
  expect((await table.take(window)).keyframe).toBeUndefined();
});

test("a source that fails midway leaves what was read before, but not for longer than a window can be", async ({
  expect,
}) => {
  const ends = [
    () => cleanDump,
    () => {
      throw new SourceError("the table ran away", "run after it");
    },
  ];
  const source = sourceOf([[one], [{ source: 3, peer: 4 }]], () =>
    (ends.length > 1 ? ends.shift()! : ends[0]!)(),
  );
  const { clock, read, table } = tableOf(source);
  await read();
  clock.now += 30_000;
  const failed = await read();
  expect(failed.dump).toMatchObject({ entries: 1, takenAt: window.to });
  expect(failed.completeness.blind[0]).toBe("the table ran away; run after it");
  const later = { from: window.to + MAX_CARRIED_MS - 30_000, to: window.to + MAX_CARRIED_MS };
  expect((await table.take(later)).dump).toBeDefined();
  const gone = await table.take({ from: later.to, to: later.to + 1 });
  expect([gone.dump, gone.flows, gone.completeness.source]).toEqual([undefined, undefined, "none"]);
});

test("a source that does not answer in time says so", async ({ expect }) => {
  const patience = new AbortController();
  const stuck: Source = {
    ...sourceOf([]),
    dump: (_sink, signal) => {
      patience.abort(new Error("time is over"));
      return Promise.reject(signal.reason as Error);
    },
  };
  const { completeness } = await tableOf(stuck).read(patience.signal);
  expect(completeness.source).toBe("none");
  expect(completeness.blind[0]).toBe("The netlink source did not give the table in time.");
});

test("entries of groups that were folded away are counted", async ({ expect }) => {
  const summary = new Summary({ limits: { groups: 3, addresses: 100 } });
  const { read } = tableOf(sourceOf([[1, 2, 3, 4].map((peer) => ({ source: 1, peer }))]), { summary });
  const { completeness, flows } = await read();
  expect([completeness.untracked, flows?.groupRemainder.entries]).toEqual([3, 3]);
});

test("a fault of ours is not taken for a table that cannot be read", async ({ expect }) => {
  const source = sourceOf([[]], () => {
    throw new TypeError("a bug");
  });
  await expect(tableOf(source).read()).rejects.toThrow("a bug");
});

test("without a source the report says why, in as many words as the wire takes", async ({ expect }) => {
  const reasons = Array.from({ length: 17 }, () => new SourceError("x".repeat(501), "y"));
  const parts = await tableOf(undefined, { openSource: async () => ({ reasons }) }).read();
  expect(parts.completeness.blind.map(({ length }) => length)).toEqual(Array(16).fill(500));
  expect(Report.safeParse(asReport(parts)).error).toBeUndefined();
});

test("a window in which events are turned on again is not complete", async ({ expect }) => {
  let reported = true;
  const { read } = tableOf(sourceOf([[one]]), {
    mode: async () => ({ setting: reported ? "all" : "off", reported, blind: [] }),
    openEvents: async () => new Speaker(),
  });
  const heard: string[] = [];
  for (const on of [true, false, true, true]) {
    reported = on;
    heard.push((await read()).completeness.events);
  }
  expect(heard).toEqual(["complete", "off", "lossy", "complete"]);
});

test("events are not joined with dumps of text, which do not tell a re-used tuple", async ({ expect }) => {
  const text: Source = { ...sourceOf([[one], [{ ...one, sourcePort: 1001 }]]), name: "procfs" };
  const { read } = tableOf(text, { openEvents: () => Promise.reject(new Error("must not be opened")) });
  await read();
  const { completeness } = await read();
  expect(completeness).toMatchObject({ events: "off", opened: "dumps" });
  expect(completeness.blind.at(-1)).toMatch(/netlink alone/);
});

test("what is heard while the table cannot be read is in no row, and not said to be complete", async ({
  expect,
}) => {
  const events = new Speaker();
  const ends = [
    () => cleanDump,
    () => {
      throw new SourceError("the table ran away", "run after it");
    },
  ];
  const source = sourceOf([[one]], () => (ends.length > 1 ? ends.shift()! : ends[0]!)());
  const { clock, read, table } = tableOf(source, { openEvents: async () => events });
  await read();
  clock.now += 30_000;
  await read();
  const late = { from: window.to + MAX_CARRIED_MS, to: window.to + MAX_CARRIED_MS + 30_000 };
  const { completeness } = await table.take(late);
  expect([completeness.events, completeness.opened]).toEqual(["lossy", undefined]);
});
