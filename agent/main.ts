import { hostname } from "node:os";
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Config, loadConfig, type Target } from "./config.ts";
import { help } from "./help.ts";
import { readGauges } from "./host/gauges.ts";
import { readIdentity } from "./host/identity.ts";
import { openHttp } from "./http.ts";
import type { LogLine } from "./log.ts";
import { type Loop, runLoop } from "./loop.ts";
import { printReport } from "./once.ts";
import { pack, post } from "./push.ts";
import { type Reader, readReport } from "./read.ts";
import { Sender, type Sending } from "./sender.ts";
import { openSource } from "./sources/index.ts";
import { openBacklog } from "./spool/backlog.ts";
import { lockSpool } from "./spool/lock.ts";
import { type Stop, stopOf } from "./stop.ts";
import { Summary, type SummaryOptions } from "./summary/summary.ts";
import { VERSION } from "./version.ts";
import { windowUpTo } from "./window.ts";

const USAGE_ERROR = 2;
const UNREADABLE = 3;
/** A million entries through the slowest source take some seconds; what takes longer than this hangs. */
const READ_TIMEOUT_MS = 60_000;
/** The server and the way to it answer within this, or the attempt has failed. */
const POST_TIMEOUT_MS = 15_000;
/** Nodes cut their windows at the same moment; their reports come spread over at most this. */
const SPREAD_MS = 2_000;

const log = (line: LogLine) => console.log(JSON.stringify({ time: new Date().toISOString(), ...line }));
const sleep = (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal }).catch(() => {});

// Whoever reads our lines may go away; the reports go on.
process.stdout.on("error", () => {});
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) return USAGE_ERROR;
  if (options.help || options.version) {
    console.log(options.help ? help(program()) : VERSION);
    return 0;
  }
  const loaded = loadConfig(process.env, { hostname: hostname(), once: options.once });
  if ("complaints" in loaded) {
    for (const complaint of loaded.complaints) console.error(complaint);
    return USAGE_ERROR;
  }
  return options.once ? once(loaded.config, options.json) : serve(loaded.config);
}

/** The sources are run by node, the built file by itself. */
function program(): string {
  const name = basename(process.argv[1] ?? "");
  return name === "main.ts" ? "node agent/main.ts" : name;
}

function readOptions() {
  const flag = { type: "boolean", default: false } as const;
  try {
    const help = { ...flag, short: "h" } as const;
    const { values } = parseArgs({ options: { once: flag, json: flag, help, version: flag } });
    if (!values.json || values.once) return values;
    console.error("--json goes with --once");
  } catch (error) {
    console.error(`${(error as Error).message}. See --help.`);
  }
  return undefined;
}

async function openReader(config: Config, options: SummaryOptions = {}): Promise<Reader> {
  return {
    ...(await openedSource(config)),
    identity: () => readIdentity(config.node),
    gauges: () => readGauges(),
    now: Date.now,
    summary: new Summary(options),
  };
}

async function openedSource(config: Config): Promise<Pick<Reader, "source" | "reasons">> {
  const { source, reasons } = await openSource(config.source);
  return { source, reasons: reasons.map(({ message, remedy }) => `${message}; ${remedy}`) };
}

async function once(config: Config, json: boolean): Promise<number> {
  const reader = await openReader(config, { counters: "since-creation", leases: "off" });
  const now = Date.now();
  const window = windowUpTo(now - config.intervalMs, now, config.intervalMs);
  const report = await readReport(reader, window, now, AbortSignal.timeout(READ_TIMEOUT_MS));
  if (reader.source) for (const reason of reader.reasons) console.error(`Not used: ${reason}`);
  reader.source?.close();
  if (json) console.log(JSON.stringify(report));
  else process.stdout.write(printReport(report));
  return report.dump ? 0 : UNREADABLE;
}

async function serve(config: Config): Promise<number> {
  const lock = (folder: string) => lockSpool(folder, { pid: process.pid });
  const backlog = await openBacklog({ lock, now: Date.now, log });
  const stop = stopOf(process, (signal) => {
    log({
      level: "warning",
      event: "stopped",
      reason: `not done in time after ${signal}`,
      unsent: sender.unsent,
    });
    process.exit(0);
  });
  const sender = new Sender(sending(config.target as Target, stop), backlog);
  const reader = await openReader(config);
  for (const reason of reader.reasons) log({ level: "warning", event: "source-unavailable", reason });
  if (!reader.source && (await reader.gauges()).count === undefined) {
    for (const reason of reader.reasons) console.error(reason);
    return UNREADABLE;
  }
  const sent = sender.run();
  const source = reader.source?.name ?? "none";
  log({ level: "info", event: "started", node: config.node, source, intervalMs: config.intervalMs });
  await runLoop(windows(config, { reader, sender, stop }), stop.asked);
  sender.stop();
  const unsent = await sent;
  log({ level: unsent > 0 ? "warning" : "info", event: "stopped", unsent, rejected: sender.rejected });
  reader.source?.close();
  return 0;
}

interface Running {
  reader: Reader;
  sender: Sender;
  stop: Stop;
}

function windows(config: Config, { reader, sender, stop }: Running): Loop {
  const { intervalMs } = config;
  let sequence = Date.now();
  return {
    intervalMs,
    now: Date.now,
    sleep,
    log,
    leadMs: () => 0,
    prepare: async () => {},
    close: async (window) => {
      // A module may be loaded and a command installed after the agent has started.
      if (!reader.source) Object.assign(reader, await openedSource(config));
      const report = await readReport(reader, window, sequence++, stop.within(READ_TIMEOUT_MS));
      await sleep(Math.random() * Math.min(SPREAD_MS, intervalMs / 10), stop.asked);
      await sender.offer(await pack(report));
    },
  };
}

function sending(target: Target, stop: Stop): Sending {
  const postTo = openHttp();
  return {
    post: (parcel) => post({ postTo, now: Date.now, signal: stop.within(POST_TIMEOUT_MS) }, target, parcel),
    shrink: async () => undefined,
    sleep,
    random: Math.random,
    log,
  };
}
