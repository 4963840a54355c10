import type { Log } from "./log.ts";
import type { Outcome, Parcel } from "./push.ts";
import { backoffMs } from "./retry.ts";

/** Parcels kept while the server is away: an hour of windows at the default interval, 6 MB at the very most. */
export const MAX_WAITING = 120;

export interface Sending {
  post(parcel: Parcel): Promise<Outcome>;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  random: () => number;
  log: Log;
}

/** Hands parcels over one at a time, newest first, until told to stop. */
export class Sender {
  private readonly waiting: Parcel[] = [];
  private readonly stopping = new AbortController();
  private readonly sending: Sending;
  /** Parcels the server would not take as they are. */
  rejected = 0;
  private attempt = 0;
  private wake: () => void = () => {};

  constructor(sending: Sending) {
    this.sending = sending;
  }

  get unsent(): number {
    return this.waiting.length;
  }

  offer(parcel: Parcel): void {
    this.waiting.push(parcel);
    if (this.waiting.length > MAX_WAITING) this.drop();
    this.wake();
  }

  /** Runs until `stop`; then tries each parcel once more and gives the number it could not hand over. */
  async run(): Promise<number> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.parcel();
      const waitMs = await this.attemptNewest();
      if (waitMs !== undefined) await this.sending.sleep(waitMs, signal);
    }
    return this.flush();
  }

  stop(): void {
    this.stopping.abort();
    this.wake();
  }

  private parcel(): Promise<void> {
    if (this.waiting.length > 0 || this.stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private async flush(): Promise<number> {
    let passing = true;
    while (this.waiting.length > 0 && passing) passing = (await this.attemptNewest()) === undefined;
    return this.waiting.length;
  }

  /** How long to wait before the next attempt, or undefined if the newest parcel is off our hands. */
  private async attemptNewest(): Promise<number | undefined> {
    const parcel = this.waiting.at(-1);
    if (!parcel) return undefined;
    const outcome = await this.sending.post(parcel);
    if (outcome.kind === "retry") return this.delay(parcel, outcome);
    if (outcome.kind === "rejected") {
      this.rejected += 1;
      this.log("error", "report-rejected", parcel, outcome.reason);
    } else if (this.attempt > 0) this.log("info", "reporting-resumed", parcel);
    this.attempt = 0;
    this.waiting.splice(this.waiting.indexOf(parcel), 1);
    return undefined;
  }

  private delay(parcel: Parcel, { reason, waitMs }: { reason: string; waitMs?: number }): number {
    // On top of what the server asks for, or a fleet comes back in step, and a "0" is asked again without end.
    const ms = Math.round((waitMs ?? 0) + backoffMs(this.attempt, this.sending.random));
    this.attempt += 1;
    this.log("warning", "report-delayed", parcel, `${reason}; next attempt in ${ms} ms`);
    return ms;
  }

  private drop(): void {
    const oldest = this.waiting.shift();
    if (oldest) this.log("error", "report-dropped", oldest, `${MAX_WAITING} newer reports wait`);
  }

  private log(level: "info" | "warning" | "error", event: string, parcel: Parcel, reason?: string): void {
    this.sending.log({ level, event, sequence: parcel.sequence, reason, waiting: this.waiting.length });
  }
}
