/** What one whole dump took. */
export interface DumpCost {
  /** When it began, epoch ms. */
  at: number;
  cpuMs: number;
  entries: number;
}

/** What a dump costs below this many entries is the asking, not the entries: nothing to judge a larger table by. */
const SMALL_TABLE = 1_000;

/**
 * Says when the next dump may be taken, so that dumps cost at most `share` of one core over time. The first is always
 * due, and so is the first after a loss of events: but where the loss goes on, dumping more is what an agent that cannot
 * keep up must not do, so from then on repair waits for its turn like any other dump.
 */
export class DumpBudget {
  private readonly share: number;
  private last: DumpCost | undefined;
  private lossy = false;
  private repairing = false;

  /** @param share part of one core, such as 0.02 */
  constructor(share: number) {
    this.share = share;
  }

  /** Events were lost since the last dump began. */
  lost(): void {
    this.lossy = true;
  }

  /** @param count entries the kernel says there are, from which a table that grew is judged */
  isDue(now: number, count: number | undefined): boolean {
    if (!this.last || (this.lossy && !this.repairing)) return true;
    const grown = count === undefined ? 1 : Math.max(1, count / Math.max(SMALL_TABLE, this.last.entries));
    const elapsed = now - this.last.at;
    // A clock set back must not put off dumps until it has caught up.
    return elapsed < 0 || elapsed * this.share >= this.last.cpuMs * grown;
  }

  /** A dump begins; what is lost while it runs is for the next one to repair. */
  begin(): void {
    this.repairing = this.lossy;
    this.lossy = false;
  }

  record(cost: DumpCost): void {
    this.last = cost;
  }
}
