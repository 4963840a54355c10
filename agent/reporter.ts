import type { Dropped, Host, Owners, Report, ReportNode, TableGauges } from "../api/wire.ts";
import { type HostCounters } from "./host/counters.ts";
import { type Sysctls, timeoutsOf } from "./host/sysctls.ts";
import type { Table } from "./table/table.ts";
import type { Window } from "./window.ts";

/** How often everything is said again, so that what one lost report said is known after so long at the latest. */
export const KEYFRAME_MS = 600_000;

export interface ReporterDeps {
  table: Table;
  identity: () => Promise<ReportNode>;
  gauges: () => Promise<TableGauges>;
  sysctls: () => Promise<Sysctls>;
  /** Everything this node is set to; dear, as it lists rules. */
  host: () => Promise<Host>;
  counters: HostCounters;
  /** Who held addresses, by the book; absent where nobody knows owners. */
  owners?: {
    report: (window: Window, complete: boolean, isMet: (address: string) => boolean) => Owners | undefined;
    /** Whether the book has all that hold an address now. */
    isCurrent: () => boolean;
  };
  /** What is still to be said of reports that were lost. */
  dropped: () => readonly Dropped[];
  /** What this process has taken so far, and how many reports wait. */
  usage: () => { cpuMs: number; rssBytes: number; waiting: number };
  now: () => number;
}

/** Makes a report of each window out of all that the agent knows. */
export class Reporter {
  private readonly deps: ReporterDeps;
  /** When everything was last said; undefined before the first time. */
  private keyframeAt: number | undefined;
  /** The report to come is to say everything. */
  private keyframe = false;
  /** All owners are to be said as soon as they are known: a list that lacks some says that they are gone. */
  private listsOwners = false;
  /** The settings as they were when stock was last taken. */
  private set: Sysctls = { sysctls: {}, unread: [] };
  private told = "";
  private cpuMs: number;

  constructor(deps: ReporterDeps) {
    this.deps = deps;
    this.cpuMs = deps.usage().cpuMs;
  }

  leadMs(): number {
    return this.deps.table.leadMs();
  }

  /** Takes stock of the table, if that is due. */
  async prepare(signal: AbortSignal): Promise<void> {
    const { table, now, sysctls } = this.deps;
    const since = now() - (this.keyframeAt ?? now());
    // Whoever takes stock twice before a report, as at the start, asks for the leases once.
    const keyframe = !this.keyframe && (this.keyframeAt === undefined || since < 0 || since >= KEYFRAME_MS);
    this.keyframe ||= keyframe;
    this.set = await sysctls();
    await table.prepare({ timeouts: timeoutsOf(this.set.sysctls), keyframe }, signal);
  }

  /** Everything there is to say of the window that ends now. */
  async report(window: Window, sequence: number): Promise<Report> {
    const { deps, keyframe } = this;
    const { ages, ...parts } = await deps.table.take(window);
    const [node, table, counters] = await Promise.all([deps.identity(), deps.gauges(), deps.counters.read()]);
    const host = await this.settings(keyframe);
    const owners = this.owners(window, keyframe, new Set(parts.flows?.addresses));
    const dropped = deps.dropped();
    if (keyframe) this.keyframeAt = deps.now();
    this.keyframe = false;
    return {
      node,
      sequence,
      window,
      table,
      ...parts,
      // Idle times of hours and days look the same half a minute later, and would be a tenth of a quiet report.
      ...(keyframe && ages && { ages }),
      ...(owners && { owners }),
      counters,
      ...(host && { host }),
      ...(dropped.length > 0 && { dropped: [...dropped] }),
      self: this.self(),
    };
  }

  /** Lets go of what was gathered for a window that is not reported. */
  async skip(window: Window): Promise<void> {
    await this.deps.table.take(window);
    await this.deps.counters.read();
  }

  /** What the node is set to, where that is to be said: with keyframes, and when it changed. */
  private async settings(keyframe: boolean): Promise<Host | undefined> {
    const now = JSON.stringify(this.set);
    if (!keyframe && now === this.told) return undefined;
    this.told = now;
    return this.deps.host();
  }

  private owners(window: Window, keyframe: boolean, met: ReadonlySet<string>): Owners | undefined {
    const { owners } = this.deps;
    this.listsOwners ||= keyframe;
    const complete = this.listsOwners && owners?.isCurrent() === true;
    if (complete) this.listsOwners = false;
    return owners?.report(window, complete, (address) => met.has(address));
  }

  private self(): NonNullable<Report["self"]> {
    const { cpuMs, rssBytes, waiting } = this.deps.usage();
    const spent = Math.max(0, Math.round(cpuMs - this.cpuMs));
    this.cpuMs = cpuMs;
    return { cpuMs: spent, rssBytes, waiting };
  }
}
