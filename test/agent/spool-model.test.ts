import * as fc from "fast-check";
import { test } from "vitest";
import type { Dropped } from "../../api/wire.ts";
import { unpack } from "../../agent/push.ts";
import type { Backlog } from "../../agent/spool/backlog.ts";
import type { Disk } from "../../agent/spool/disk.ts";
import { aBacklog, aParcel, aSpoolFolder, failingDisk } from "../support/spools.ts";

const BLOCK = 4096;
const HOUR_MS = 3_600_000;
/** A machine that stops after so many more calls of the file system does nothing from then on. */
const kill = fc.record({ do: fc.constant("kill" as const), after: fc.nat(12), offering: fc.boolean() });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("store" as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("hour" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("full" as const), full: fc.boolean() }) },
  { weight: 3, arbitrary: kill },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A node, its disk and a server, with what each has promised. */
class World {
  private readonly folder: string;
  backlog!: Backlog;
  /** Reports whose offer has returned, less those that only a memory held that is gone. */
  readonly promised = new Set<number>();
  readonly used = new Set<number>();
  readonly stored = new Set<number>();
  readonly told: Dropped[] = [];
  private readonly disk: Disk;
  private callsLeft = Infinity;
  private full = false;
  private ahead = 0;

  constructor(folder: string) {
    this.folder = folder;
    this.disk = failingDisk((call) => {
      this.callsLeft -= 1;
      if (this.callsLeft < 0) return "EIO";
      return this.full && call === "write" ? "ENOSPC" : undefined;
    });
  }

  /** A second later, or a number that could not be reserved on a full disk would be drawn again in the same ms. */
  async start(): Promise<void> {
    this.ahead += 1_000;
    const limits = { diskBytes: 5 * BLOCK, held: 3, ageMs: 6 * HOUR_MS };
    const now = () => Date.now() + this.ahead;
    const lock = async () => () => {};
    this.backlog = (await aBacklog(this.folder, { disk: this.disk, limits, now, lock })).backlog;
  }

  async take(step: Step): Promise<void> {
    if (step.do === "offer") await this.offer();
    if (step.do === "store") await this.store(step.which);
    if (step.do === "refuse") await this.refuse(step.which);
    if (step.do === "hour") this.ahead += HOUR_MS;
    if (step.do === "full") this.full = step.full;
    if (step.do === "kill") await this.kill(step);
  }

  async offer(): Promise<void> {
    const sequence = await this.backlog.nextSequence();
    // Never one that a report of an earlier run has borne.
    if (this.used.has(sequence)) throw new Error(`${sequence} was used before`);
    this.used.add(sequence);
    await this.backlog.offer(await aParcel(sequence, this.backlog.declarations));
    this.promised.add(sequence);
  }

  async store(which: number): Promise<void> {
    const item = this.backlog.waiting.at(which % Math.max(1, this.backlog.waiting.length));
    const parcel = item && (await this.backlog.load(item));
    if (!item || !parcel) return;
    this.stored.add(item.sequence);
    this.told.push(...((await unpack(parcel))?.dropped ?? []));
    await this.backlog.stored(item, parcel);
  }

  async heal(): Promise<void> {
    this.full = false;
    for (let reports = 0; reports < 2; reports += 1) {
      await this.offer();
      while (this.backlog.waiting.length > 0) await this.store(0);
    }
  }

  private async refuse(which: number): Promise<void> {
    const item = this.backlog.waiting.at(which % Math.max(1, this.backlog.waiting.length));
    if (item) await this.backlog.refused(item, "422");
  }

  private async kill({ after, offering }: { after: number; offering: boolean }): Promise<void> {
    this.callsLeft = after;
    const failing = this.backlog.state === "failing";
    await (offering ? this.offer() : this.store(0));
    // What a full disk kept from being saved dies with the process, as the reports in memory do.
    const unsaved = failing ? this.numbers(this.backlog.declarations) : [];
    for (const { sequence } of this.backlog.held) this.promised.delete(sequence);
    for (const sequence of unsaved) this.promised.delete(sequence);
    this.callsLeft = Infinity;
    this.full = false;
    await this.start();
  }

  /** Promised, and yet neither stored nor waiting nor declared. */
  get missing(): number[] {
    const declared = this.numbers([...this.told, ...this.backlog.declarations]);
    const waiting = this.backlog.waiting.map(({ sequence }) => sequence);
    const accounted = new Set([...declared, ...waiting, ...this.stored]);
    return [...this.promised].filter((sequence) => !accounted.has(sequence));
  }

  /** Said to be lost, and yet waiting; or never used. */
  get wrong(): number[] {
    const waiting = new Set(this.backlog.waiting.map(({ sequence }) => sequence));
    const declared = this.numbers(this.backlog.declarations);
    return declared.filter((sequence) => waiting.has(sequence) || !this.used.has(sequence));
  }

  private numbers(ranges: readonly Dropped[]): number[] {
    return ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  }
}

test("whatever happens in whatever order, each report is stored, waiting or declared", async ({ expect }) => {
  const run = async (steps: Step[]) => {
    const world = new World(await aSpoolFolder());
    await world.start();
    for (const step of steps) {
      await world.take(step);
      expect([world.missing, world.wrong]).toEqual([[], []]);
    }
    // In the end the server gets all there is, and then a report that tells of the rest.
    await world.heal();
    expect([world.missing, world.backlog.declarations]).toEqual([[], []]);
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), run), { numRuns: 150 });
}, 60_000);
