import { DumpBudget } from "./budget.ts";
import type { Config } from "./config.ts";
import { openCounters } from "./host/counters.ts";
import { eventsMode } from "./host/events-mode.ts";
import { readGauges } from "./host/gauges.ts";
import { readHost } from "./host/host.ts";
import { readIdentity } from "./host/identity.ts";
import { readSysctls } from "./host/sysctls.ts";
import type { Log } from "./log.ts";
import { Reporter, type ReporterDeps } from "./reporter.ts";
import { openEvents } from "./sources/events.ts";
import { openSource } from "./sources/index.ts";
import { Summary, type SummaryOptions } from "./summary/summary.ts";
import { Table } from "./table/table.ts";

/** What the agent needs of the process it runs in. */
export interface Machine {
  pid: number;
  env: Readonly<Record<string, string | undefined>>;
  now: () => number;
  /** A clock that never goes back, in ms. */
  monotonic: () => number;
  random: () => number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** CPU time taken so far in ms, and memory now. */
  usage: () => { cpuMs: number; rssBytes: number };
  log: Log;
}

/** Everything that reads this node, opened. */
export interface Opened {
  table: Table;
  reporter: Reporter;
  close: () => Promise<void>;
}

type Beside = Pick<ReporterDeps, "owners" | "dropped"> & {
  waiting: () => number;
  /** What else is not known here. */
  unread?: readonly string[];
  /** How the table is summed up. */
  summary: SummaryOptions;
  /** Whether the kernel's events are listened to. */
  events: boolean;
};

/** Opens all that can be read here; what cannot is named in each report. */
export async function openNode(config: Config, machine: Machine, beside: Beside): Promise<Opened> {
  const { now, monotonic, usage, log } = machine;
  const gauges = () => readGauges();
  const table = new Table({
    openSource: () => openSource(config.source),
    ...(beside.events && {
      openEvents: () => openEvents({ updates: config.events === "updates" }),
    }),
    mode: () => eventsMode(),
    gauges,
    summary: new Summary(beside.summary),
    budget: new DumpBudget(config.cpuBudget),
    now,
    cpuMs: () => usage().cpuMs,
    log,
  });
  const counters = await openCounters({ monotonic });
  const reporter = new Reporter({
    table,
    identity: () => readIdentity(config.node),
    gauges,
    sysctls: () => readSysctls(),
    host: () => readHost({ unread: [...counters.unread, ...(beside.unread ?? [])] }),
    counters,
    ...(beside.owners && { owners: beside.owners }),
    dropped: beside.dropped,
    usage: () => ({ ...usage(), waiting: beside.waiting() }),
    now,
  });
  const close = async () => {
    counters.close();
    await table.close();
  };
  return { table, reporter, close };
}
