import type { Log, LogLine } from "./log.ts";
import type { Outcome, Parcel } from "./push.ts";
import { backfillPauseMs, backoffMs } from "./retry.ts";
import type { Backlog, SpoolState } from "./spool/backlog.ts";
import type { Waiting } from "./spool/waiting.ts";

/** While new reports are due, an old one goes after so many of them: one send of five. */
const LIVE_IN_A_ROW = 4;
/** The largest lists have 512 rows: halved so often, nothing is left of them. */
const MAX_HALVINGS = 10;

export interface Sending {
  post(parcel: Parcel): Promise<Outcome>;
  /** The same report with half of its details; undefined where there is nothing left to leave out. */
  shrink(parcel: Parcel): Promise<Parcel | undefined>;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  random: () => number;
  log: Log;
}

interface Turn {
  item: Waiting;
  /** Older than one the server has answered: it waited out an outage, and can wait a little longer. */
  old: boolean;
}

type Failed = Extract<Outcome, { kind: "retry" }>;
/** How an attempt ended; what was stored is the parcel as it was last sent. */
type Attempt = Failed | Extract<Outcome, { kind: "rejected" }> | { kind: "stored"; parcel: Parcel };

/**
 * Hands reports over one at a time until told to stop. A new report goes at once, so that after an outage the server sees
 * the present first; old ones trickle behind, newest first, with pauses in which a new one takes precedence.
 */
export class Sender {
  private readonly sending: Sending;
  private readonly backlog: Backlog;
  private readonly stopping = new AbortController();
  /** Reports the server would not take. */
  rejected = 0;
  /** Attempts that failed since the last one that did not. */
  private attempt = 0;
  /** The newest number the server has answered, or an earlier run has left: what is above it is new. */
  private head: number;
  private liveInARow = 0;
  /** Old reports that failed by themselves: tried after all others, so that none holds up the line. */
  private readonly passedOver = new Set<Waiting>();
  private wake: () => void = () => {};

  constructor(sending: Sending, backlog: Backlog) {
    this.sending = sending;
    this.backlog = backlog;
    this.head = backlog.waiting.at(-1)?.sequence ?? -1;
  }

  get unsent(): number {
    return this.backlog.waiting.length;
  }

  get status(): { waiting: number; spool: SpoolState } {
    return { waiting: this.unsent, spool: this.backlog.state };
  }

  /**
   * Puts the report where it is as safe as it gets, on the disk where there is a spool, and has it sent after `pause`, so
   * that the nodes of a fleet, whose windows end together, do not send together.
   */
  async offer(parcel: Parcel, pause = () => Promise.resolve()): Promise<void> {
    await this.backlog.offer(parcel);
    await pause();
    this.wake();
  }

  /**
   * Runs until `stop`; then tries once more what is new or in memory alone, and gives the number that was not handed over.
   * What is on the disk of these waits there for the next run; the rest is declared as lost.
   */
  async run(): Promise<number> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const turn = this.next();
      if (!turn) await this.offered();
      else if (!turn.old || this.isLiveDue() || (await this.paused())) await this.take(turn);
    }
    return this.end();
  }

  stop(): void {
    this.stopping.abort();
    this.wake();
  }

  private next(): Turn | undefined {
    const { waiting } = this.backlog;
    const newest = waiting.at(-1);
    const old = this.newestOld(waiting);
    if (newest && this.isLiveDue() && (this.liveInARow < LIVE_IN_A_ROW || !old))
      return { item: newest, old: false };
    return old && { item: old, old: true };
  }

  private isLiveDue(): boolean {
    return (this.backlog.waiting.at(-1)?.sequence ?? -1) > this.head;
  }

  private newestOld(waiting: readonly Waiting[]): Waiting | undefined {
    const isOld = ({ sequence }: Waiting) => sequence <= this.head;
    const fresh = waiting.findLast((item) => isOld(item) && !this.passedOver.has(item));
    if (fresh) return fresh;
    this.passedOver.clear();
    return waiting.findLast(isOld);
  }

  private async take(turn: Turn): Promise<void> {
    const failed = await this.send(turn.item);
    if (!failed) {
      this.head = Math.max(this.head, turn.item.sequence);
      this.liveInARow = turn.old ? 0 : this.liveInARow + 1;
      this.passedOver.delete(turn.item);
      return;
    }
    this.liveInARow = 0;
    if (turn.old) this.passedOver.add(turn.item);
    const ms = this.delay(turn.item, failed);
    // Whether the server is away or only dislikes this old report is not known; a new one will tell.
    if (turn.old && failed.waitMs === undefined) await this.nap(ms);
    else await this.sending.sleep(ms, this.stopping.signal);
  }

  /** Undefined if the report is off our hands. */
  private async send(item: Waiting): Promise<Failed | undefined> {
    const attempt = await this.tried(item);
    if (!attempt || attempt.kind === "retry") return attempt;
    if (attempt.kind === "stored") {
      await this.backlog.stored(item, attempt.parcel);
      if (this.attempt > 0) this.log("info", "reporting-resumed", item);
    } else {
      await this.backlog.refused(item, attempt.reason);
      this.rejected += 1;
      this.log("error", "report-rejected", item, attempt.reason);
    }
    this.attempt = 0;
    return undefined;
  }

  private async tried(item: Waiting): Promise<Attempt | undefined> {
    try {
      const parcel = await this.backlog.load(item);
      return parcel && (await this.fitted(item, parcel));
    } catch (error) {
      return { kind: "retry", reason: (error as Error).message };
    }
  }

  /** Halves what is too large until it fits or nothing is left to halve. */
  private async fitted(item: Waiting, whole: Parcel): Promise<Attempt> {
    let parcel = whole;
    for (let halvings = 0; ; halvings += 1) {
      const outcome = await this.sending.post(parcel);
      if (outcome.kind === "stored") return { kind: "stored", parcel };
      if (outcome.kind !== "too-large") return outcome;
      const half = halvings < MAX_HALVINGS ? await this.sending.shrink(parcel) : undefined;
      if (!half) return { ...outcome, kind: "rejected" };
      this.log("warning", "report-halved", item, outcome.reason);
      parcel = half;
    }
  }

  private delay(item: Waiting, { reason, waitMs, unauthorized }: Failed): number {
    // On top of what the server asks for, or a fleet comes back in step, and a "0" is asked again without end.
    const ms = Math.round((waitMs ?? 0) + backoffMs(this.attempt, this.sending.random));
    this.attempt += 1;
    const level = unauthorized ? "error" : "warning";
    this.log(level, "report-delayed", item, `${reason}; next attempt in ${ms} ms`);
    return ms;
  }

  private offered(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** Whether a pause before an old report has passed without a new one coming in. */
  private async paused(): Promise<boolean> {
    await this.nap(backfillPauseMs(this.sending.random));
    return !this.stopping.signal.aborted && !this.isLiveDue();
  }

  /** A sleep that a new report, or the stop, ends. */
  private nap(ms: number): Promise<void> {
    const waking = new AbortController();
    this.wake = () => waking.abort();
    return this.sending.sleep(ms, waking.signal);
  }

  private async end(): Promise<number> {
    const last = this.backlog.waiting.filter((item) => item.held || item.sequence > this.head);
    for (const item of last.toReversed()) if (await this.send(item)) break;
    const { waiting } = this.backlog;
    const kept = waiting.length - this.backlog.held.length;
    if (kept > 0) this.sending.log({ level: "info", event: "reports-kept", count: kept });
    await this.backlog.close();
    return waiting.length;
  }

  private log(level: LogLine["level"], event: string, { sequence }: Waiting, reason?: string): void {
    this.sending.log({ level, event, sequence, reason, waiting: this.unsent });
  }
}
