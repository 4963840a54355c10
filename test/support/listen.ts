/**
 * Listens to the events of the namespace this runs in: listen.ts [OPTIONS AS JSON]. Says `ready`, then answers each line
 * of its stdin with one line of JSON:
 *
 *   counts   all that came so far (Counts), after what the kernel had queued
 *   dump     reads the whole table by netlink meanwhile, and says how many entries there were
 *   rows     keeps every event from here on, and gives those kept since the last time
 *   stop     aborts, waits for the end of the stream, and says how it ended; the process then ends by itself
 */
import { createInterface } from "node:readline";
import { type Entry, ORIG_DST } from "../../agent/conntrack/entry.ts";
import { type EventsOptions, openEvents } from "../../agent/sources/events.ts";
import type { SourceError } from "../../agent/sources/source.ts";
import { openNetlink } from "../../agent/sources/netlink.ts";
import { BURST_PORT, PORTS } from "./burst.ts";
import { asRow, type Row } from "./rows.ts";

/** BURST_HOST as an entry has it. */
const FIRST_ADDRESS = 0xc612_0000 | 0;
const MAX_FLOWS = 1_000_000;

export interface Counts {
  new: number;
  destroy: number;
  update: number;
  /** Flows of a burst that began and ended, each counted once. */
  began: number;
  endedOnce: number;
  /** Ends whose id is not that of the beginning. */
  strangers: number;
  unreadable: number;
  overruns: number;
  losses: number;
  lost: number;
  drained: boolean;
  /** Times a timer found that events had come since it fired last; 0 unless asked for. */
  ticks: number;
  cpuMs: number;
  rssMb: number;
}

export interface ListenOptions extends EventsOptions {
  ticks?: boolean;
}

export type EventRow = Row & { id: number; startedAt: number };

const began = new Int32Array(MAX_FLOWS);
const ended = new Uint8Array(MAX_FLOWS);
const counts = { new: 0, destroy: 0, update: 0, none: 0, began: 0, endedOnce: 0, strangers: 0 };
let kept: EventRow[] | undefined;

function count(entry: Entry): void {
  counts[entry.event] += 1;
  kept?.push({ ...asRow(entry), id: entry.id, startedAt: entry.startedAt });
  const flow = (entry.addresses[ORIG_DST]! - FIRST_ADDRESS) * PORTS + entry.origDport - BURST_PORT;
  if (flow < 0 || flow >= MAX_FLOWS) return;
  if (entry.event === "new" && began[flow] === 0) {
    began[flow] = entry.id;
    counts.began += 1;
  } else if (entry.event === "destroy" && ended[flow] === 0) {
    ended[flow] = 1;
    counts.endedOnce += 1;
    if (began[flow] !== entry.id) counts.strangers += 1;
  }
}

/** What else the process does while events come. */
let ticks = 0;
let atTick = 0;
function tick(): void {
  const total = counts.new + counts.destroy;
  if (total > atTick) ticks += 1;
  atTick = total;
}

const abort = new AbortController();
const options = JSON.parse(process.argv[2] ?? "{}") as ListenOptions;
const events = await openEvents(options).catch((error: SourceError) => {
  console.log(JSON.stringify({ message: error.message, remedy: error.remedy }));
  process.exit(1);
});
let losses = 0;
const running = events.run(count, () => (losses += 1), abort.signal);
const timer = options.ticks ? setInterval(tick, 1) : undefined;

const answers: Record<string, () => Promise<unknown>> = {
  async counts(): Promise<Counts> {
    const drained = await events.drained();
    const { user, system } = process.cpuUsage();
    const { overruns, lost, unreadable } = events;
    return {
      ...counts,
      overruns,
      lost,
      losses,
      drained,
      unreadable: unreadable.lines,
      ticks,
      cpuMs: (user + system) / 1_000,
      rssMb: process.memoryUsage.rss() / 2 ** 20,
    };
  },
  async dump() {
    const source = await openNetlink();
    return source.dump(() => {}, abort.signal);
  },
  async rows() {
    await events.drained();
    const rows = kept ?? [];
    kept = [];
    return rows;
  },
  async stop() {
    abort.abort();
    await running;
    events.close();
    clearInterval(timer);
    lines.close();
    return { stopped: true };
  },
};

const lines = createInterface(process.stdin);
lines.on("line", (line) => {
  void answers[line]?.().then((answer) => console.log(JSON.stringify(answer)));
});
console.log("ready");
