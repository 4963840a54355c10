import { DumpBudget } from "../../agent/budget.ts";
import type { Entry, EntryEvent, Sink } from "../../agent/conntrack/entry.ts";
import { noneUnreadable } from "../../agent/conntrack/unreadable.ts";
import type { EventsMode } from "../../agent/host/events-mode.ts";
import type { Events } from "../../agent/sources/events.ts";
import { type Dump, type Source, SourceError } from "../../agent/sources/source.ts";
import { Summary } from "../../agent/summary/summary.ts";
import { Table, type TableDeps } from "../../agent/table/table.ts";
import { aReport } from "./a-report.ts";
import { anEntry, type PlainEntry } from "./entries.ts";

const { window } = aReport();
const never = new AbortController().signal;
export const cleanDump: Dump = { entries: 0, interrupted: false, unreadable: { lines: 0, samples: [] } };
const HEARD: EventsMode = { setting: "all", reported: true, blind: [] };

/** A source whose dumps are these lists of entries in turn, each ending as told; the last one repeats. */
export function sourceOf(dumps: (readonly PlainEntry[])[], end: () => Dump = () => cleanDump): Source {
  return {
    name: "netlink",
    blind: ["Nothing is seen of the dark side."],
    dump: async (sink) => {
      for (const entry of (dumps.length > 1 ? dumps.shift() : dumps[0]) ?? []) sink(anEntry(entry));
      return end();
    },
    close: () => {},
  };
}

/** A stream of events that says what it is told to. */
export class Speaker implements Events {
  overruns = 0;
  lost = 0;
  readonly unreadable = noneUnreadable();
  #sink: Sink = () => {};
  #onLoss = () => {};
  #end: (error?: Error) => void = () => {};

  run(sink: Sink, onLoss: () => void): Promise<void> {
    this.#sink = sink;
    this.#onLoss = onLoss;
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
  }

  say(event: EntryEvent, entry: PlainEntry): void {
    const row: Entry = anEntry(entry);
    row.event = event;
    this.#sink(row);
  }

  overrun(): void {
    this.overruns += 1;
    this.#onLoss();
  }

  drained = () => Promise.resolve(true);
  break = (error: Error) => this.#end(error);
  close = () => this.#end();
}

/** A table read at the end of each of its windows, on a clock that only the test moves. */
export function tableOf(
  source: Source | undefined,
  differing: Partial<TableDeps> & { clock?: { now: number } } = {},
) {
  const { clock = { now: window.to }, ...deps } = differing;
  const reasons = source ? [] : [new SourceError("no table here", "find one")];
  const table = new Table({
    openSource: async () => ({ ...(source && { source }), reasons }),
    mode: async () => HEARD,
    gauges: async () => ({ count: 2, max: 100, buckets: 10 }),
    summary: new Summary(),
    budget: new DumpBudget(1),
    now: () => clock.now,
    cpuMs: () => 0,
    log: () => {},
    ...deps,
  });
  const prepare = (signal = never) => table.prepare({ timeouts: {}, keyframe: false }, signal);
  const read = async (signal = never) => {
    await prepare(signal);
    return table.take(window);
  };
  return { table, clock, prepare, read };
}
