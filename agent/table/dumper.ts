import type { TableGauges } from "../../api/wire.ts";
import type { DumpBudget } from "../budget.ts";
import type { Unreadable } from "../conntrack/unreadable.ts";
import type { Opened } from "../sources/index.ts";
import { type Source, SourceError } from "../sources/source.ts";
import type { Summary } from "../summary/summary.ts";

/** A dump begins this much before the end of its window, on top of what the last one took. */
const MARGIN_MS = 100;
/** The next dump may take this much longer than the last one and still be done in time. */
const MARGIN_FACTOR = 1.25;

export interface DumperDeps {
  openSource: () => Promise<Opened>;
  gauges: () => Promise<TableGauges>;
  summary: Pick<Summary, "dumpBegins" | "add" | "dumpEnds">;
  budget: DumpBudget;
  now: () => number;
  /** CPU time the process has taken so far, in ms. */
  cpuMs: () => number;
}

/** The latest whole dump, which need not be of this window. */
export interface TakenDump {
  takenAt: number;
  durationMs: number;
  interrupted: boolean;
  unreadable: Unreadable;
}

/** Reads the whole table as often as the budget allows. */
export class Dumper {
  source: Source | undefined;
  /** Why there is no source, or no cheaper one. */
  reasons: readonly SourceError[] = [];
  taken: TakenDump | undefined;
  /** Why the last attempt failed, in words. */
  failure: string | undefined;
  private readonly deps: DumperDeps;

  constructor(deps: DumperDeps) {
    this.deps = deps;
  }

  /** Opens a source where there is none yet: a module may be loaded and a command installed after the start. */
  async open(): Promise<void> {
    if (this.source) return;
    const { source, reasons } = await this.deps.openSource();
    this.source = source;
    this.reasons = reasons;
  }

  leadMs(): number {
    return MARGIN_MS + Math.round((this.taken?.durationMs ?? 0) * MARGIN_FACTOR);
  }

  /** Dumps, if there is a source and the budget allows it. A dump that fails costs its rows, never the report. */
  async dumpIfDue(signal: AbortSignal): Promise<void> {
    const { budget, now, gauges } = this.deps;
    if (!this.source) return;
    const { count } = await gauges();
    if (budget.isDue(now(), count)) await this.dump(this.source, signal);
  }

  close(): void {
    this.source?.close();
  }

  private async dump(source: Source, signal: AbortSignal): Promise<void> {
    const { summary, now, gauges, budget, cpuMs } = this.deps;
    const before = await gauges();
    const takenAt = now();
    const cpuBefore = cpuMs();
    budget.begin();
    summary.dumpBegins(takenAt);
    let whole = false;
    let torn = false;
    try {
      const { entries, interrupted, unreadable } = await source.dump((entry) => summary.add(entry), signal);
      // The kernel marks no dump of conntrack as interrupted (seen on 6.18), and a resize loses a third of its entries.
      torn = interrupted || (await gauges()).buckets !== before.buckets;
      // Torn is better than nothing, but whatever it lacks must not pass for ended.
      whole = !torn || !this.taken;
      if (whole)
        this.taken = { takenAt, durationMs: Math.max(0, now() - takenAt), interrupted: torn, unreadable };
      this.failure = whole ? undefined : TORN;
      budget.record({ at: takenAt, cpuMs: cpuMs() - cpuBefore, entries });
      if (torn) budget.lost();
    } catch (error) {
      this.failure = failureOf(error, source, signal);
      budget.record({ at: takenAt, cpuMs: cpuMs() - cpuBefore, entries: before.count ?? 0 });
    } finally {
      summary.dumpEnds(whole, { torn });
    }
  }
}

const TORN =
  "The table was resized while it was read; what is said of its entries is from the reading before.";

function failureOf(error: unknown, source: Source, signal: AbortSignal): string {
  if (error instanceof SourceError) return `${error.message}; ${error.remedy}`;
  if (signal.aborted) return `The ${source.name} source did not give the table in time.`;
  throw error;
}
