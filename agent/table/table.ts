import type { Completeness, Report, TableDump } from "../../api/wire.ts";
import type { EventsMode } from "../host/events-mode.ts";
import type { Timeouts } from "../host/sysctls.ts";
import type { Summary, Summed } from "../summary/summary.ts";
import type { Window } from "../window.ts";
import { Dumper, type DumperDeps, type TakenDump } from "./dumper.ts";
import { type Heard, Listener, type ListenerDeps } from "./listener.ts";

/** The wire takes this many sentences and characters; a remedy in full is in the agent's own log. */
const MAX_SENTENCES = 16;
const MAX_SENTENCE = 500;
/** Samples of what could not be read that the wire takes. */
const MAX_SAMPLES = 5;
/** For so long the latest dump stands for the present where no other can be had: as the longest window allowed does. */
export const MAX_CARRIED_MS = 300_000;

export type TableDeps = Omit<DumperDeps, "summary"> &
  Pick<ListenerDeps, "mode" | "log"> & {
    summary: Summary;
    /** Opens the kernel's events; absent where they are not wanted. */
    openEvents?: ListenerDeps["open"];
  };

/** What a report says of the table itself. */
export type TablePart = Pick<
  Report,
  "completeness" | "dump" | "flows" | "ages" | "leases" | "keyframe" | "ports"
>;

const NOT_WANTED: EventsMode = {
  setting: "off",
  reported: false,
  blind: ["No events are listened to: flows that begin and end between two readings are not seen."],
};

const WITH_NETLINK =
  "Events are heard with the source netlink alone: flows that begin and end between two readings are not seen.";

/** The kernel's table over time: dumps within a budget, and the events between them. */
export class Table {
  private readonly deps: TableDeps;
  private readonly dumper: Dumper;
  private readonly listener: Listener;

  constructor(deps: TableDeps) {
    this.deps = deps;
    const { summary, budget, openEvents, log } = deps;
    this.dumper = new Dumper(deps);
    const take: ListenerDeps["take"] = (entry) => summary.event(entry, deps.now());
    const onLoss = () => {
      summary.lost();
      budget.lost();
    };
    const mode = openEvents ? deps.mode : () => Promise.resolve(NOT_WANTED);
    const open = openEvents ?? (() => Promise.reject(new Error("events are not wanted")));
    this.listener = new Listener({ open, mode, take, onLoss, log });
  }

  /** Where entries come from, or "none". */
  get source(): Completeness["source"] {
    return this.dumper.source?.name ?? "none";
  }

  get reasons(): readonly string[] {
    return this.dumper.reasons.map(({ message, remedy }) => `${message}; ${remedy}`);
  }

  get listening(): boolean {
    return this.listener.listening;
  }

  leadMs(): number {
    return this.dumper.leadMs();
  }

  /** Listens, then dumps if that is due: what happens during the dump is heard. */
  async prepare(
    { timeouts, keyframe }: { timeouts: Timeouts; keyframe: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { summary } = this.deps;
    await this.dumper.open();
    // Text does not tell a re-used tuple from the flow before it, as events do: what both say cannot be joined.
    await this.listener.listen(this.source === "netlink");
    summary.configure({ eventsOn: this.listener.listening, timeouts });
    if (keyframe) summary.keyframeDue();
    await this.dumper.dumpIfDue(signal);
  }

  /** What there is to say of the window that ends now; begins the next one. */
  async take(window: Window): Promise<TablePart> {
    await this.listener.catchUp();
    const heard = this.listener.heard();
    const { counts, flows, ages, leases, keyframe, ports, ...rest } = this.deps.summary.take(window);
    const { taken, failure } = this.dumper;
    const completeness = this.completeness(heard, rest, taken);
    const stale = failure !== undefined && window.to - (taken?.takenAt ?? 0) > MAX_CARRIED_MS;
    if (!taken || !counts || !flows || stale) return { completeness: unseen(completeness) };
    const { takenAt, ...composition } = counts;
    const dump: TableDump = { takenAt, durationMs: Math.max(0, taken.durationMs), ...composition };
    return {
      completeness,
      dump,
      flows,
      ...(ages && { ages }),
      ...(leases && { leases }),
      ...(keyframe && { keyframe }),
      ...(ports && { ports }),
    };
  }

  async close(): Promise<void> {
    await this.listener.close();
    this.dumper.close();
  }

  private unheard({ blind }: Heard): readonly string[] {
    if (this.source === "none") return [];
    return this.source === "netlink" ? blind : [WITH_NETLINK];
  }

  private completeness(
    heard: Heard,
    { opened, ...counts }: Pick<Summed, "untracked" | "older" | "forgotten" | "opened">,
    taken: TakenDump | undefined,
  ): Completeness {
    const { source, failure } = this.dumper;
    const why = [...(failure ? [failure] : []), ...(source ? source.blind : this.reasons)];
    const lines = heard.unreadable.lines + (taken?.unreadable.lines ?? 0);
    const samples = [...heard.unreadable.samples, ...(taken?.unreadable.samples ?? [])];
    return {
      source: this.source,
      events: heard.events,
      blind: sentences([...why, ...this.unheard(heard)]),
      ...(taken?.interrupted && { interrupted: true }),
      ...(lines > 0 && { unreadable: { lines, samples: samples.slice(0, MAX_SAMPLES) } }),
      ...positive({ ...counts, overruns: heard.overruns }),
      ...(opened && { opened }),
    };
  }
}

/** What was heard meanwhile is in no row either. */
function unseen(completeness: Completeness): Completeness {
  const { opened: _, ...rest } = completeness;
  return { ...rest, source: "none", events: rest.events === "off" ? "off" : "lossy" };
}

const sentences = (texts: readonly string[]) =>
  texts.slice(0, MAX_SENTENCES).map((text) => text.slice(0, MAX_SENTENCE));

/** A count of nothing need not be said. */
const positive = (counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
