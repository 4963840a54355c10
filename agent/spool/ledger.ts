import type { Dropped } from "../../api/wire.ts";
import { addRange, atMost, withoutRange } from "./ranges.ts";

/** What must outlive the process besides the reports themselves. */
export interface State {
  /** Every sequence number below it may have been used. */
  reserved: number;
  /** Reports that are lost and of which no stored report has told yet. */
  dropped: Dropped[];
}

/** Numbers reserved at once: a write of the state in two hours of 30 s windows, and a jump no server minds. */
export const BLOCK = 256;
/** Ranges kept until they are declared: 16 reports full of them, some 150 kB. */
export const MAX_RANGES = 1024;
/** What one report can declare (api/wire.ts, MAX_DROPPED). */
export const MAX_DECLARED = 64;

const REASONS: readonly string[] = ["age", "size", "refused", "unreadable", "failed"];

/** Draws sequence numbers and remembers the lost ones until a report that was stored has declared them. */
export class Ledger {
  private next: number;
  private reserved = 0;
  private ranges: Dropped[] = [];
  private saved = "";

  /** `now`: numbers start at the clock's ms, above all that an earlier run on this boot without a spool can have used. */
  constructor(now: number) {
    this.next = now;
  }

  /** The ranges the next report is to declare. */
  get declarations(): Dropped[] {
    return this.ranges.slice(0, MAX_DECLARED);
  }

  get size(): number {
    return this.ranges.length;
  }

  /** Whether the next number may be used already by the word of the saved state: else the state is to be saved first. */
  get exhausted(): boolean {
    return this.next >= this.reserved;
  }

  draw(): number {
    this.next += 1;
    return this.next - 1;
  }

  lose(lost: Dropped): void {
    this.ranges = atMost(addRange(this.ranges, lost), MAX_RANGES);
  }

  /** These are declared, or are not lost after all. */
  forget(run: Pick<Dropped, "bootId" | "from" | "to">): void {
    if (this.ranges.length > 0) this.ranges = withoutRange(this.ranges, run);
  }

  /** Goes on from what an earlier run has left. */
  adopt(state: State, highest: number): void {
    this.next = Math.max(this.next, state.reserved, highest + 1);
    for (const range of state.dropped) this.lose(range);
    // Of what was saved before nothing may be left.
    this.saved = "";
  }

  /** Writes the state where it has changed. Only a number below what was written is free of doubt. */
  async save(write: (text: string) => Promise<void>): Promise<void> {
    const reserved = this.exhausted ? this.next + BLOCK : this.reserved;
    const text = JSON.stringify({ reserved, dropped: this.ranges });
    if (text === this.saved) return;
    await write(text);
    this.saved = text;
    this.reserved = reserved;
  }
}

/** Reads what `save` wrote; undefined where it is damaged. */
export function parseState(text: string): State | undefined {
  try {
    const { reserved, dropped } = JSON.parse(text) as State;
    return Number.isSafeInteger(reserved) && dropped.every(isRange) ? { reserved, dropped } : undefined;
  } catch {
    return undefined;
  }
}

function isRange({ bootId, from, to, reason }: Dropped): boolean {
  const numbers = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to;
  return numbers && typeof bootId === "string" && bootId !== "" && REASONS.includes(reason);
}
