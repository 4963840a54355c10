import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { inject } from "vitest";
import { Report } from "../../api/wire.ts";
import type { Network } from "../support/namespaces.ts";

const COLLECTOR = join(import.meta.dirname, "collector.ts");
const PORT = 8787;

/** A server in the node's namespace that takes reports; it is there as long as its child is. */
export interface Collector {
  readonly child: ChildProcess;
  /** All that came so far, in the order in which they came. */
  readonly reports: readonly Report[];
  /** The reports once there are enough of them; rejects when one is not as the wire wants it. */
  until(enough: (reports: readonly Report[]) => boolean): Promise<readonly Report[]>;
  /** The first report of a node whose dump was begun after an instant, by default now. */
  reportAfter(instant?: number, node?: string): Promise<Report>;
}

export async function openCollector(network: Network): Promise<Collector> {
  const child = network.spawn(network.node, process.execPath, [COLLECTOR, String(PORT)]);
  const reports: Report[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  let failure: string | undefined;
  const lines = createInterface(child.stdout as Readable);
  lines.on("line", (line) => {
    if (line !== "ready") {
      const { report, invalid } = JSON.parse(line) as { report?: Report; invalid?: string };
      if (report) reports.push(report);
      failure ??= invalid;
    }
    changes.emit("change");
  });
  lines.on("close", () => {
    failure ??= "the collector has ended";
    changes.emit("change");
  });
  await once(changes, "change");
  const until: Collector["until"] = async (enough) => {
    for (;;) {
      if (failure !== undefined) throw new Error(failure);
      if (enough(reports)) return reports;
      await once(changes, "change");
    }
  };
  const reportAfter: Collector["reportAfter"] = async (instant = Date.now(), node = "node-1") => {
    const isAfter = ({ node: { name }, window, dump }: Report) =>
      name === node && window.to > instant && (dump?.takenAt ?? 0) > instant;
    await until((all) => all.some(isAfter));
    return reports.find(isAfter) as Report;
  };
  return { child, reports, until, reportAfter };
}

/** One line of the agent's log. */
export type LogLine = Record<string, unknown> & { event: string };

/** The agent as it is deployed, built into one file. */
export interface Agent {
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly complaints: string;
  /** The first line of its log, of those written so far and those to come, that is about `event` and what else is asked. */
  said(event: string, is?: (line: LogLine) => boolean): Promise<LogLine>;
}

/** Starts the built agent in the node's namespace, with windows of five seconds, as node-1 unless `env` says otherwise. */
export function startAgent(
  network: Network,
  env: NodeJS.ProcessEnv = {},
  built = inject("builtAgent"),
): Agent {
  const child = network.spawn(network.node, process.execPath, [built], {
    stderr: "pipe",
    env: { ...process.env, ...SETTINGS, ...env },
  });
  const log: LogLine[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  let complaints = "";
  let ended = false;
  child.stderr!.on("data", (text: Buffer) => (complaints += text.toString()));
  const lines = createInterface(child.stdout as Readable);
  lines.on("line", (line) => {
    log.push(JSON.parse(line) as LogLine);
    changes.emit("change");
  });
  lines.on("close", () => {
    ended = true;
    changes.emit("change");
  });
  const said: Agent["said"] = async (event, is = () => true) => {
    for (;;) {
      const line = log.find((line) => line.event === event && is(line));
      if (line) return line;
      if (ended) throw new Error(`the agent ended before it said ${event}: ${complaints}`);
      await once(changes, "change");
    }
  };
  return {
    child,
    said,
    get complaints() {
      return complaints;
    },
  };
}

const SETTINGS = {
  CONNTRAIL_URL: `http://127.0.0.1:${PORT}`,
  CONNTRAIL_TOKEN: "kernel-test-token",
  CONNTRAIL_NODE: "node-1",
  CONNTRAIL_INTERVAL: "5s",
  CONNTRAIL_OWNERS: "none",
  // A dump in every window, whatever else this machine does.
  CONNTRAIL_CPU_BUDGET: "100%",
};

/** What the built agent, run once, would report. */
export async function reportOnce(
  network: Network,
  env: Readonly<Record<string, string>> = {},
): Promise<Report> {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const args = [...settings, process.execPath, inject("builtAgent"), "--once", "--json"];
  const { stdout } = await network.exec(network.node, "env", args);
  return Report.parse(JSON.parse(stdout));
}
