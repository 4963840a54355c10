import * as fc from "fast-check";
import { test } from "vitest";
import { Lifetimes } from "../../../agent/summary/lifetimes.ts";
import { anEntry } from "../../support/entries.ts";

/** A kernel in small: flows that live, a queue of their events, and dumps read row by row while both go on. */
class Kernel {
  readonly counted = { opened: 0, closed: 0, bytes: 0, packets: 0 };
  readonly truth = { opened: 0, closed: 0, bytes: 0 };
  readonly lives: Lifetimes;
  private readonly live = new Map<number, { id: number; bytes: number }>();
  private readonly queue: (() => void)[] = [];
  private ids = 1;

  constructor(eventsOn: boolean) {
    const { counted } = this;
    const amounts: number[] = [];
    this.lives = new Lifetimes({
      opened: () => void (counted.opened += 1),
      closed: () => void (counted.closed += 1),
      moved: (_, bytes, packets) => {
        amounts.push(bytes, packets);
        if (amounts.some((amount) => amount < 0)) throw new Error("moved less than nothing");
        counted.bytes += bytes;
        counted.packets += packets;
      },
    });
    this.lives.listen(eventsOn);
  }

  open(tuple: number): void {
    if (this.live.has(tuple)) return;
    const flow = { id: this.ids, bytes: 0 };
    this.ids += 1;
    this.live.set(tuple, flow);
    this.truth.opened += 1;
    const entry = entryOf(tuple, flow);
    this.queue.push(() => {
      this.lives.recall(entry);
      this.lives.began(entry, 1000, 0);
    });
  }

  move(tuple: number, bytes: number): void {
    const flow = this.live.get(tuple);
    if (!flow) return;
    flow.bytes += bytes;
    this.truth.bytes += bytes;
  }

  close(tuple: number): void {
    const flow = this.live.get(tuple);
    if (!flow) return;
    this.live.delete(tuple);
    this.truth.closed += 1;
    const entry = entryOf(tuple, flow);
    this.queue.push(() => {
      this.lives.recall(entry);
      this.lives.ended(entry, 0);
    });
  }

  deliver(events = Number.POSITIVE_INFINITY): void {
    for (let left = events; left > 0 && this.queue.length > 0; left -= 1) this.queue.shift()?.();
  }

  lose(): void {
    this.queue.length = 0;
    this.lives.lost();
  }

  /** Rows are read by the kernel before `meanwhile` and handed over after it. */
  dump(meanwhile: () => void = () => {}, whole = true): void {
    this.lives.dumpBegins();
    const rows = [...this.live].map(([tuple, flow]) => entryOf(tuple, flow));
    meanwhile();
    for (const row of whole ? rows : rows.slice(1)) this.lives.count(this.lives.meet(row), row, 0);
    this.lives.dumpEnds(whole);
  }
}

const entryOf = (tuple: number, { id, bytes }: { id: number; bytes: number }) => {
  const entry = anEntry({ source: tuple, peer: 50, bytes, packets: bytes });
  entry.id = id;
  return entry;
};

const tuple = fc.nat(3);
const step = fc.oneof(
  fc.record({ do: fc.constant("open" as const), tuple }),
  fc.record({ do: fc.constant("close" as const), tuple }),
  fc.record({ do: fc.constant("move" as const), tuple, bytes: fc.nat(1000) }),
  fc.record({ do: fc.constant("deliver" as const), events: fc.nat(3) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const steps = fc.array(step, { maxLength: 12 });
const round = fc.record({ before: steps, during: steps, whole: fc.boolean() });

function play(kernel: Kernel, script: readonly Step[]): void {
  for (const step of script)
    if (step.do === "open") kernel.open(step.tuple);
    else if (step.do === "close") kernel.close(step.tuple);
    else if (step.do === "move") kernel.move(step.tuple, step.bytes);
    else kernel.deliver(step.events);
}

test("with events and nothing lost, every flow and byte is counted once, whatever dumps see in between", ({
  expect,
}) => {
  fc.assert(
    fc.property(steps, fc.array(round, { maxLength: 6 }), (first, rounds) => {
      const kernel = new Kernel(true);
      // Listening begins before the first dump does.
      play(kernel, first);
      kernel.dump();
      kernel.deliver();
      for (const { before, during, whole } of rounds) {
        play(kernel, before);
        // The queue holds milliseconds of events, dumps are seconds apart.
        kernel.dump(() => play(kernel, during), whole);
        kernel.deliver();
      }
      for (const tuple of [0, 1, 2, 3]) kernel.close(tuple);
      kernel.deliver();
      kernel.dump();
      expect(kernel.counted).toMatchObject(kernel.truth);
    }),
    { numRuns: 1000 },
  );
});

test("flows found after a loss are counted once, also where their NEW was still queued", ({ expect }) => {
  fc.assert(
    fc.property(steps, steps, steps, (before, queued, during) => {
      const kernel = new Kernel(true);
      kernel.dump();
      play(
        kernel,
        before.filter((step) => step.do !== "close"),
      );
      kernel.lose();
      play(
        kernel,
        queued.filter((step) => step.do === "open"),
      );
      kernel.dump(() =>
        play(
          kernel,
          during.filter((step) => step.do !== "close"),
        ),
      );
      kernel.deliver();
      kernel.dump();
      expect(kernel.counted.opened).toBe(kernel.truth.opened);
    }),
    { numRuns: 1000 },
  );
});

test("without events, what two whole dumps differ in has opened and closed", ({ expect }) => {
  const kernel = new Kernel(false);
  for (const tuple of [0, 1]) kernel.open(tuple);
  kernel.dump();
  kernel.close(0);
  kernel.open(2);
  kernel.dump(() => {}, false);
  expect(kernel.counted).toMatchObject({ opened: 0, closed: 0 });
  kernel.dump();
  expect(kernel.counted).toMatchObject({ opened: 1, closed: 1 });
  kernel.dump();
  expect(kernel.counted).toMatchObject({ opened: 1, closed: 1 });
});

test("what moved before the first dump is not counted, and what moves after it is", ({ expect }) => {
  const kernel = new Kernel(false);
  kernel.open(0);
  kernel.move(0, 500);
  kernel.dump();
  kernel.move(0, 7);
  kernel.dump();
  kernel.open(1);
  kernel.move(1, 30);
  kernel.dump();
  expect(kernel.counted).toMatchObject({ bytes: 37, packets: 37 });
});

test("a flow that is gone without a word is closed once, though its end is told later", ({ expect }) => {
  const kernel = new Kernel(true);
  kernel.open(0);
  kernel.deliver();
  kernel.dump();
  kernel.close(0);
  kernel.dump();
  expect(kernel.counted.closed).toBe(1);
  kernel.deliver();
  kernel.dump();
  expect([kernel.counted.closed, kernel.lives.size]).toEqual([1, 0]);
});

test("flows of before are told from those since", ({ expect }) => {
  const kernel = new Kernel(true);
  kernel.open(0);
  kernel.open(1);
  kernel.lose();
  kernel.dump();
  kernel.open(2);
  kernel.deliver();
  expect(kernel.lives.older).toBe(2);
  kernel.close(0);
  kernel.deliver();
  kernel.dump();
  expect(kernel.lives.older).toBe(1);
});

test("without ids, counters that fell are another flow", ({ expect }) => {
  const kernel = new Kernel(false);
  const sight = (bytes: number) => {
    const entry = entryOf(1, { id: 0, bytes });
    kernel.lives.dumpBegins();
    kernel.lives.count(kernel.lives.meet(entry), entry, 0);
    kernel.lives.dumpEnds(true);
  };
  for (const bytes of [100, 120, 5]) sight(bytes);
  expect(kernel.counted).toMatchObject({ opened: 1, closed: 1, bytes: 25 });
});

test.for([2, 3])("of %i flows a memory for two forgets what is beyond, and says so", (flows, { expect }) => {
  const counted = { opened: 0 };
  const lives = new Lifetimes({ opened: () => (counted.opened += 1), closed: () => {}, moved: () => {} }, 2);
  lives.listen(true);
  for (let tuple = 0; tuple < flows; tuple += 1) {
    const entry = entryOf(tuple, { id: tuple + 1, bytes: 0 });
    lives.recall(entry);
    lives.began(entry, 1000, 0);
  }
  expect([counted.opened, lives.size, lives.forgotten]).toEqual([flows, 2, flows - 2]);
});
