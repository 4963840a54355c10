import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Config, loadConfig, type Target } from "./config.ts";
import { HELP } from "./help.ts";
import { readGauges } from "./host/gauges.ts";
import { readIdentity } from "./host/identity.ts";
import type { LogLine } from "./log.ts";
import { runLoop } from "./loop.ts";
import { printReport } from "./once.ts";
import { pack, post } from "./push.ts";
import { type Reader, readReport } from "./read.ts";
import { Sender } from "./sender.ts";
import { openSource } from "./sources/index.ts";
import { Summary } from "./summary/summary.ts";
import { VERSION } from "./version.ts";
import { windowUpTo } from "./window.ts";

const USAGE_ERROR = 2;
const UNREADABLE = 3;
/** SIGTERM is answered within five seconds; what is unsent by now stays unsent, and is said. */
const STOP_DEADLINE_MS = 4_500;

const log = (line: LogLine) => console.log(JSON.stringify(line));
const sleep = (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal }).catch(() => {});

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) return USAGE_ERROR;
  if (options.help || options.version) {
    console.log(options.help ? HELP : VERSION);
    return 0;
  }
  const loaded = loadConfig(process.env, { hostname: hostname(), once: options.once });
  if ("complaints" in loaded) {
    for (const complaint of loaded.complaints) console.error(complaint);
    return USAGE_ERROR;
  }
  return options.once ? once(loaded.config, options.json) : serve(loaded.config);
}

function readOptions() {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({ options: { once: flag, json: flag, help: flag, version: flag } });
    if (!values.json || values.once) return values;
    console.error("--json goes with --once");
  } catch (error) {
    console.error(`${(error as Error).message}. See --help.`);
  }
  return undefined;
}

async function openReader(config: Config): Promise<Reader> {
  const { source, reasons } = await openSource(config.source);
  return {
    source,
    reasons: reasons.map(({ message, remedy }) => `${message}. ${remedy}`),
    identity: () => readIdentity(config.node),
    gauges: () => readGauges(),
    now: Date.now,
    summary: new Summary(),
  };
}

async function once(config: Config, json: boolean): Promise<number> {
  const reader = await openReader(config);
  const now = Date.now();
  const window = windowUpTo(now - config.intervalMs, now, config.intervalMs);
  const report = await readReport(reader, window, Math.floor(now / 1000), new AbortController().signal);
  reader.source?.close();
  if (json) console.log(JSON.stringify(report));
  else process.stdout.write(printReport(report));
  return report.dump ? 0 : UNREADABLE;
}

async function serve(config: Config): Promise<number> {
  const reader = await openReader(config);
  for (const reason of reader.reasons) log({ level: "warning", event: "source-unavailable", reason });
  if (!reader.source && (await reader.gauges()).count === undefined) {
    for (const reason of reader.reasons) console.error(reason);
    return UNREADABLE;
  }
  const stop = stopSignal();
  const sender = new Sender(sending(config.target as Target));
  const sent = sender.run();
  const source = reader.source?.name ?? "none";
  log({ level: "info", event: "started", node: config.node, source, intervalMs: config.intervalMs });
  await runLoop(
    {
      intervalMs: config.intervalMs,
      now: Date.now,
      sleep,
      log,
      read: (window, sequence) => readReport(reader, window, sequence, new AbortController().signal),
      send: async (report) => sender.offer(await pack(report)),
    },
    stop,
  );
  sender.stop();
  const unsent = await sent;
  log({ level: unsent > 0 ? "warning" : "info", event: "stopped", unsent });
  reader.source?.close();
  return 0;
}

function sending(target: Target) {
  return {
    post: (parcel: Parameters<typeof post>[2]) => post({ fetch, now: Date.now }, target, parcel),
    sleep,
    random: Math.random,
    log,
  };
}

/**
 * Aborted by the first SIGTERM or SIGINT; the process ends by itself soon after, or is ended at the deadline. Whoever
 * stops a whole process group signals twice, once through the parent: the second one must not cut the first short.
 */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const stop = (name: string) => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    globalThis.setTimeout(() => endUnfinished(name), STOP_DEADLINE_MS).unref();
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  return stopping.signal;
}

function endUnfinished(signal: string): never {
  log({ level: "warning", event: "stopped", reason: `not done ${STOP_DEADLINE_MS} ms after ${signal}` });
  process.exit(0);
}
