import type { Counters } from "../../api/wire.ts";
import { addInvalid, invalidReason, type Invalid } from "./invalid-packets.ts";

export type LogCounts = NonNullable<Counters["log"]>;

/** A record of /dev/kmsg is at most this long (CONSOLE_EXT_LOG_MAX in kernel/printk/internal.h). */
export const MAX_RECORD = 8_192;

/** `priority,sequence,microseconds,flags[,more];text` (Documentation/ABI/testing/dev-kmsg). */
const RECORD = /^(\d{1,10}),(\d{1,15}),\d+,[^;]*;(.*)$/;
/** The priority has the facility above its three bits of level; what processes write themselves is never of facility 0. */
const KERNEL = 0;

/** The kernel before 2.6.20 said ip_conntrack; some builds say the prefix twice; 2025 added the namespace. */
const TABLE_FULL =
  /^(?:(?:nf|ip)_conntrack: )*table full(?: in netns (\d+))?, dropping packet\.?(?: in netns (\d+))?$/;
/** ___ratelimit in lib/ratelimit.c, for all messages of the network that share one limit. */
const SUPPRESSED = /^net_ratelimit: (\d{1,10}) callbacks suppressed$/;

/** Where a table was full: here, or in another namespace. */
type Place = "tableFull" | "tableFullElsewhere";

/**
 * Counts what records of the kernel log say of conntrack. Fed with text in pieces of any size. Lines of log_invalid do not
 * say their namespace: where nf_log_all_netns is set, those of others are among them.
 */
export class LogLines {
  readonly #namespace: string | undefined;
  #counts = none();
  #invalid = new Map<string, Invalid>();
  #rest = "";
  /** The line that is being read is longer than a record can be. */
  #overlong = false;
  #sequence: number | undefined;
  /** Where the message before was about, if it was of a full table; and how many were left out since. */
  #before: Place | undefined;
  #suppressed = 0;

  /** `namespace`: inode of the network namespace that is ours. */
  constructor(namespace: string | undefined) {
    this.#namespace = namespace;
  }

  add(piece: string): void {
    let from = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      const line = this.#rest + piece.slice(from, end);
      if (!this.#overlong && line.length <= MAX_RECORD) this.#addLine(line);
      this.#rest = "";
      this.#overlong = false;
      from = end + 1;
    }
    this.#rest += piece.slice(from);
    if (this.#rest.length <= MAX_RECORD) return;
    this.#rest = "";
    this.#overlong = true;
  }

  /** What was counted since the call before. */
  take(): LogCounts {
    const counts = { ...this.#counts, invalid: [...this.#invalid.values()] };
    this.#counts = none();
    this.#invalid.clear();
    return counts;
  }

  #addLine(line: string): void {
    const [, priority, sequence, text] = RECORD.exec(line) ?? [];
    // Lines that begin with a space are properties of the record before.
    if (text === undefined) return;
    this.#follow(Number(sequence));
    if (Number(priority) >> 3 === KERNEL) this.#addMessage(text);
  }

  /** Records are numbered without gaps: what is missing was overwritten before it was read. */
  #follow(sequence: number): void {
    const last = this.#sequence;
    if (last !== undefined && sequence > last) this.#counts.missed += sequence - last - 1;
    this.#sequence = sequence;
  }

  #addMessage(text: string): void {
    const reason = invalidReason(text);
    if (reason !== undefined) return addInvalid(this.#invalid, reason, text);
    const [suppressed, count] = SUPPRESSED.exec(text) ?? [];
    if (suppressed !== undefined) {
      this.#suppressed = Number(count);
      return;
    }
    const full = TABLE_FULL.exec(text);
    const place = full ? this.#placeOf(full[1] ?? full[2]) : undefined;
    // The limit is shared by all of the network: only between two messages of one table it is clear who was left out.
    if (place) this.#counts[place] += 1 + (place === this.#before ? this.#suppressed : 0);
    this.#before = place;
    this.#suppressed = 0;
  }

  /** Kernels that name namespaces leave out the first one's; others name none. */
  #placeOf(namespace: string | undefined): Place {
    return namespace === undefined || namespace === this.#namespace ? "tableFull" : "tableFullElsewhere";
  }
}

const none = () => ({ tableFull: 0, tableFullElsewhere: 0, missed: 0 });
