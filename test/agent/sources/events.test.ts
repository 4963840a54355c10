import { setImmediate } from "node:timers/promises";
import { afterEach, describe, test, vi } from "vitest";
import type { Entry, Sink } from "../../../agent/conntrack/entry.ts";
import { type Events, openEvents } from "../../../agent/sources/events.ts";
import { loadLibc } from "../../../agent/sources/libc.ts";
import { attribute, message, payloadOf } from "../../support/ctnetlink-messages.ts";
import { EventKernel, type Queued } from "../../support/event-kernel.ts";
import { aRow } from "../../support/rows.ts";

const EPERM = 1;
const EINTR = 4;
const EBADF = 9;
const EAGAIN = 11;
const ENOBUFS = 105;

const NEW = { type: 0x100, flags: 0x600, port: 0, sequence: 0 };
const DESTROY = { type: 0x102, flags: 0, port: 0, sequence: 0 };

const payload = (sport: number) =>
  payloadOf(aRow({ orig: { src: "10.0.0.1", dst: "10.0.0.2", sport, dport: 9 } }));
const begun = (sport: number): number[] => message(payload(sport), NEW);
const ended = (sport: number): number[] => message(payload(sport), DESTROY);
const many = (count: number): Queued[] => Array.from({ length: count }, (_, i) => begun(i));

interface Stream {
  kernel: EventKernel;
  events: Events;
  /** Event and source port of each event that came. */
  heard: string[];
  losses: number;
  running: Promise<void>;
  stop(): Promise<void>;
}

/** A stream that runs over what a kernel has queued; `sink` is called besides. */
async function run(queued: Queued[], sink: Sink = () => {}, kernel = new EventKernel()): Promise<Stream> {
  const events = await openEvents({ load: async () => kernel });
  const abort = new AbortController();
  const stream = { kernel, events, heard: [] as string[], losses: 0 };
  kernel.push(...queued);
  const take = (entry: Entry) => {
    stream.heard.push(`${entry.event} ${entry.origSport}`);
    sink(entry);
  };
  const running = events.run(take, () => (stream.losses += 1), abort.signal);
  const stop = () => {
    abort.abort();
    return running;
  };
  return Object.assign(stream, { running, stop });
}

/** Lets a stream read what its kernel has, and ends it. */
async function ran(queued: Queued[], sink?: Sink): Promise<Stream> {
  const stream = await run(queued, sink);
  await stream.events.drained();
  await stream.stop();
  return stream;
}

afterEach(() => void vi.useRealTimers());

describe("the stream of events", () => {
  test("hands over what begins and what ends, in order", async ({ expect }) => {
    const { heard, events } = await ran([begun(1), ended(1), begun(2)]);
    expect(heard).toEqual(["new 1", "destroy 1", "new 2"]);
    expect(events).toMatchObject({ overruns: 0, unreadable: { lines: 0 } });
  });

  test.for([1_023, 1_024, 1_025, 2_500])(
    "of %i waiting at once none is lost or taken twice",
    async (count, { expect }) => {
      const { heard } = await ran(many(count));
      expect(heard).toEqual(Array.from({ length: count }, (_, i) => `new ${i}`));
    },
  );

  test("goes on after a signal and after waiting in vain", async ({ expect }) => {
    const { heard, losses } = await ran([EINTR, begun(1), EAGAIN, begun(2)]);
    expect({ heard, losses }).toEqual({ heard: ["new 1", "new 2"], losses: 0 });
  });

  test("tells each overrun once and goes on", async ({ expect }) => {
    const stream = await run([begun(1), ENOBUFS, begun(2), ENOBUFS, begun(3)]);
    expect(await stream.events.drained()).toBe(true);
    stream.kernel.drops = 77;
    expect(stream.events).toMatchObject({ overruns: 2, lost: 77 });
    expect(stream.losses).toBe(2);
    expect(stream.heard).toEqual(["new 1", "new 2", "new 3"]);
    await stream.stop();
  });

  test("an event longer than its place is unreadable, one that just fits is read", async ({ expect }) => {
    const long = (size: number) =>
      message(
        [...payload(1), ...attribute(99, Array<number>(size - payload(1).length - 16 - 4).fill(0))],
        NEW,
      );
    expect([long(1_024).length, long(1_028).length]).toEqual([1_024, 1_028]);
    // The third is cut where its first message ends, so that only the kernel's flag tells.
    const { heard, events } = await ran([long(1_024), long(1_028), [...long(1_024), ...begun(3)], begun(2)]);
    expect(heard).toEqual(["new 1", "new 2"]);
    expect(events.unreadable).toMatchObject({
      lines: 2,
      samples: [expect.stringMatching(/^04040000/), expect.any(String)],
    });
  });

  test("what cannot be read as an event is counted", async ({ expect }) => {
    const { events } = await ran([message([2, 0, 0, 0], NEW), begun(1)]);
    expect(events.unreadable.lines).toBe(1);
  });

  test("another error of the kernel ends it, and says so", async ({ expect }) => {
    const { running, heard } = await run([begun(1), EBADF]);
    await expect(running).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringContaining("errno 9"),
    });
    expect(heard).toEqual(["new 1"]);
  });

  test("what the sink throws comes out of the run, and another run goes on", async ({ expect }) => {
    const stream = await run(many(1_500), ({ origSport }) => {
      if (origSport === 3) throw new Error("full");
    });
    await expect(stream.running).rejects.toThrow("full");
    stream.kernel.push(begun(7));
    const again: number[] = [];
    const abort = new AbortController();
    const running = stream.events.run(
      ({ origSport }) => again.push(origSport),
      () => {},
      abort.signal,
    );
    await stream.events.drained();
    abort.abort();
    await running;
    expect(again).toEqual([7]);
  });

  test("small batches gather for a while, so that a slow stream wakes nobody for each event", async ({
    expect,
  }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const stream = await run([begun(1)]);
    for (let sport = 2; sport <= 6; sport += 1) {
      await setImmediate();
      stream.kernel.push(begun(sport));
    }
    expect(stream.kernel.received).toEqual([1]);
    await vi.advanceTimersByTimeAsync(49);
    expect(stream.kernel.received).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(stream.kernel.received).toEqual([1, 5]);
    await stream.stop();
    expect(stream.heard).toHaveLength(6);
  });

  test.for([
    [63, false],
    [64, true],
  ] as const)(
    "after %i at once the next receive is under way at once: %s",
    async ([count, soon], { expect }) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const stream = await run(many(count));
      await setImmediate();
      expect(stream.kernel.received).toEqual([count]);
      expect(stream.kernel.idle).toBe(soon);
      await stream.stop();
    },
  );
});

describe("the end of a stream", () => {
  test("an abort before the beginning hears nothing", async ({ expect }) => {
    const events = await openEvents({ load: async () => new EventKernel() });
    const heard: number[] = [];
    await events.run(
      ({ origSport }) => heard.push(origSport),
      () => {},
      AbortSignal.abort(),
    );
    expect(heard).toEqual([]);
  });

  test("an abort wakes a receive that waits", async ({ expect }) => {
    const stream = await run([]);
    await setImmediate();
    expect(stream.kernel.idle).toBe(true);
    await stream.stop();
    expect(stream.heard).toEqual([]);
  });

  test("closing ends the run, and the socket goes after it, once", async ({ expect }) => {
    const stream = await run([]);
    stream.kernel.drops = 5;
    stream.events.close();
    expect(stream.kernel.opened).toBe(1);
    await stream.running;
    stream.events.close();
    expect(stream.kernel.opened).toBe(0);
    expect(stream.events.lost).toBe(5);
    await expect(
      stream.events.run(
        () => {},
        () => {},
        AbortSignal.abort(),
      ),
    ).rejects.toThrow("not after");
  });

  test("a second run at the same time is refused", async ({ expect }) => {
    const stream = await run([]);
    await expect(
      stream.events.run(
        () => {},
        () => {},
        AbortSignal.abort(),
      ),
    ).rejects.toThrow("once at a time");
    await stream.stop();
  });
});

describe("draining", () => {
  test("waits for all that is queued, and not for what comes after", async ({ expect }) => {
    const stream = await run(many(3_000));
    const drained = stream.events.drained();
    expect(await drained).toBe(true);
    expect(stream.heard).toHaveLength(3_000);
    await stream.stop();
  });

  test("ends the pause after a small batch", async ({ expect }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const stream = await run([begun(1)]);
    await setImmediate();
    stream.kernel.push(begun(2));
    expect(await stream.events.drained()).toBe(true);
    expect(stream.heard).toEqual(["new 1", "new 2"]);
    await stream.stop();
  });

  test("asks again after an overrun, in which its question went down", async ({ expect }) => {
    const stream = await run([ENOBUFS]);
    await setImmediate();
    stream.kernel.acknowledging = false;
    const drained = stream.events.drained();
    stream.kernel.acknowledging = true;
    stream.kernel.push(begun(1));
    expect(await drained).toBe(true);
    await stream.stop();
  });

  test("gives up after two seconds", async ({ expect }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const stream = await run([]);
    stream.kernel.acknowledging = false;
    let answer: boolean | undefined;
    const drained = stream.events.drained().then((result) => (answer = result));
    await vi.advanceTimersByTimeAsync(1_999);
    expect(answer).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await drained).toBe(false);
    stream.kernel.acknowledging = true;
    await stream.stop();
  });

  test("is not to be had from a stream that does not run, or ends meanwhile", async ({ expect }) => {
    const stream = await run([]);
    stream.kernel.acknowledging = false;
    const drained = stream.events.drained();
    stream.kernel.push(EBADF);
    await expect(stream.running).rejects.toThrow("errno 9");
    expect([await drained, await stream.events.drained()]).toEqual([false, false]);
  });
});

describe("opening a stream", () => {
  test.for([
    [{}, [1, 3]],
    [{ updates: true }, [1, 3, 2]],
  ] as const)("with %j it joins the groups %j", async ([options, groups], { expect }) => {
    const kernel = new EventKernel();
    const events = await openEvents({ ...options, load: async () => kernel });
    expect(kernel.groups).toEqual(groups);
    events.close();
    expect(kernel.opened).toBe(0);
  });

  test("needs koffi", async ({ expect }) => {
    const missing = () => Promise.reject<typeof import("koffi")>(new Error("Cannot find package 'koffi'"));
    await expect(openEvents({ load: () => loadLibc(missing) })).rejects.toMatchObject({
      name: "SourceError",
      remedy: expect.stringContaining("optional dependencies"),
    });
  });

  test.for([
    ["membership", EPERM, "EPERM", "CAP_NET_ADMIN"],
    ["membership", 22, "errno 22", "modprobe nf_conntrack_netlink"],
    ["probe", EPERM, "EPERM", "CAP_NET_ADMIN"],
    ["probe", 22, "no connection tracking", "modprobe nf_conntrack_netlink"],
    ["socket", EPERM, "may not open netlink sockets", "seccomp"],
  ] as const)("where %s fails with %i it says why and leaves no socket", async (failure, { expect }) => {
    const [call, errno, words, remedy] = failure;
    const kernel = new EventKernel();
    kernel.errors[call] = errno;
    await expect(openEvents({ load: async () => kernel })).rejects.toMatchObject({
      message: expect.stringContaining(words),
      remedy: expect.stringContaining(remedy),
    });
    expect(kernel.opened).toBe(0);
  });
});
