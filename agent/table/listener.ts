import type { Completeness } from "../../api/wire.ts";
import type { Entry } from "../conntrack/entry.ts";
import { noneUnreadable, type Unreadable } from "../conntrack/unreadable.ts";
import type { EventsMode } from "../host/events-mode.ts";
import type { Log } from "../log.ts";
import type { Events } from "../sources/events.ts";
import { SourceError } from "../sources/source.ts";

export interface ListenerDeps {
  /** Opens the stream; throws `SourceError`. */
  open: () => Promise<Events>;
  mode: () => Promise<EventsMode>;
  /** Takes an event; the row is only valid during the call. */
  take: (entry: Entry) => void;
  /** Events are missing: flows may have begun and ended that nobody counts. */
  onLoss: () => void;
  log: Log;
}

/** What of one window's events was heard. */
export interface Heard {
  events: Completeness["events"];
  overruns: number;
  blind: readonly string[];
  unreadable: Unreadable;
}

/**
 * Hears the kernel's events for as long as the agent runs. A stream that cannot be had is asked for again in each window,
 * and one that broke is opened anew; whatever was missed meanwhile makes its window lossy.
 */
export class Listener {
  private readonly deps: ListenerDeps;
  private readonly stopping = new AbortController();
  private events: Events | undefined;
  private running: Promise<void> = Promise.resolve();
  private overruns = 0;
  /** Lines of the stream's count that earlier windows have reported. */
  private unreadable = 0;
  private missed = false;
  private begun = false;
  private told: Pick<EventsMode, "reported" | "blind"> = { reported: false, blind: [] };

  constructor(deps: ListenerDeps) {
    this.deps = deps;
  }

  /** Whether flows that begin now are told of. */
  get listening(): boolean {
    return this.events !== undefined;
  }

  /**
   * Opens the stream where there is none and this kernel has one; closes it where the setting was turned off.
   * @param wanted whether what it says can be joined with the dumps there are
   */
  async listen(wanted: boolean): Promise<void> {
    this.told = await this.deps.mode();
    if (!wanted || !this.told.reported) this.stop();
    else if (!this.events) await this.begin();
    this.begun = true;
  }

  private async begin(): Promise<void> {
    try {
      this.run(await this.deps.open());
      // What happened before, in a window that was under way, is in no count.
      if (this.begun) this.lost();
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const reason = `${error.message}; ${error.remedy}`;
      this.told = { reported: false, blind: [...this.told.blind, reason] };
    }
  }

  /** What happened up to now has been handed over when this resolves, unless it takes too long. */
  async catchUp(): Promise<void> {
    await this.events?.drained();
  }

  /** What was heard since the call before; begins the next window. */
  heard(): Heard {
    const { overruns, missed, told, events } = this;
    const unreadable = events?.unreadable ?? noneUnreadable();
    const state = events ? "complete" : "off";
    const heard: Heard = {
      events: missed ? "lossy" : state,
      overruns,
      blind: told.blind,
      unreadable: { lines: unreadable.lines - this.unreadable, samples: unreadable.samples },
    };
    this.unreadable = unreadable.lines;
    this.overruns = 0;
    this.missed = false;
    return heard;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    this.stop();
    await this.running;
  }

  /** Without a stream there is nothing to lose: what follows is for dumps to find. */
  private stop(): void {
    const { events } = this;
    this.events = undefined;
    this.unreadable = 0;
    events?.close();
  }

  private run(events: Events): void {
    this.events = events;
    this.unreadable = 0;
    const onLoss = () => {
      this.overruns += 1;
      this.lost();
    };
    const { take, log } = this.deps;
    const ended = (error?: unknown) => {
      if (this.events !== events) return;
      this.stop();
      this.lost();
      const reason = error instanceof Error ? error.message : "the stream ended";
      log({ level: "error", event: "events-ended", reason });
    };
    this.running = events.run(take, onLoss, this.stopping.signal).then(ended, ended);
  }

  private lost(): void {
    this.missed = true;
    this.deps.onLoss();
  }
}
