import { hostname } from "node:os";
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Config, loadConfig } from "./config.ts";
import { exitNow } from "./exit.ts";
import { help, SOURCES, whoHelp } from "./help.ts";
import type { LogLine } from "./log.ts";
import { printReport } from "./once.ts";
import { type Machine, openNode } from "./open.ts";
import { ownerDeps, serve, Unreadable } from "./serve.ts";
import { SpoolLocked } from "./spool/lock.ts";
import { stopOf } from "./stop.ts";
import { unknownVariables } from "./variables.ts";
import { nodeComplaint, VERSION } from "./version.ts";
import { parseQuestion } from "./who/question.ts";
import { NoTable, who } from "./who/who.ts";

const FOUND = 0;
const NOBODY = 1;
const USAGE_ERROR = 2;
const UNREADABLE = 3;
/** Whoever waits for one reading by hand does not wait longer. */
const ONCE_TIMEOUT_MS = 60_000;

const log = (line: LogLine) => console.log(JSON.stringify({ time: new Date().toISOString(), ...line }));
const MACHINE: Machine = {
  pid: process.pid,
  env: process.env,
  now: Date.now,
  monotonic: () => performance.now(),
  random: Math.random,
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
  usage: () => {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
  },
  log,
};

// Whoever reads our lines may go away; the reports go on.
process.stdout.on("error", () => {});
process.exitCode = await main();

async function main(): Promise<number> {
  const old = nodeComplaint(process.version);
  if (old) console.error(old);
  if (!old && process.argv[2] === "who") return answer(process.argv.slice(3));
  const options = old ? undefined : readOptions();
  if (!options) return USAGE_ERROR;
  if (options.help || options.version) {
    console.log(options.help ? help(program()) : VERSION);
    return 0;
  }
  const loaded = loadConfig(process.env, { hostname: hostname(), once: options.once });
  if ("complaints" in loaded) {
    for (const complaint of [...loaded.complaints, ...unknown()]) console.error(complaint);
    return USAGE_ERROR;
  }
  return options.once ? once(loaded.config, options.json) : report(loaded.config);
}

/** A setting that is misspelt has no effect, and nobody would know. */
function unknown(): string[] {
  const names = unknownVariables(process.env).join(", ");
  return names ? [`${names}: no setting has this name; see --help`] : [];
}

/** The sources are run by node, the built file by itself. */
function program(): string {
  const name = basename(process.argv[1] ?? "");
  return name === "main.ts" ? SOURCES : name;
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

async function once(config: Config, json: boolean): Promise<number> {
  for (const reason of unknown()) console.error(reason);
  const { table, reporter, close } = await openNode(config, MACHINE, {
    dropped: () => [],
    waiting: () => 0,
    summary: { counters: "since-creation", leases: config.leases },
    events: false,
  });
  await reporter.prepare(AbortSignal.timeout(ONCE_TIMEOUT_MS));
  const now = Date.now();
  const report = await reporter.report({ from: now - config.intervalMs, to: now }, now);
  if (table.source !== "none") for (const reason of table.reasons) console.error(`Not used: ${reason}`);
  await close();
  if (json) console.log(JSON.stringify(report));
  else process.stdout.write(printReport(report));
  return report.dump ? 0 : UNREADABLE;
}

/** Who is behind an address and port now; what is worth a warning goes to stderr, the answer alone to stdout. */
async function answer(args: readonly string[]): Promise<number> {
  const parsed = parseQuestion(args);
  const loaded = loadConfig(process.env, { hostname: hostname(), once: true });
  if ("help" in parsed) {
    console.log(whoHelp(program()));
    return FOUND;
  }
  if ("complaint" in parsed || "complaints" in loaded) {
    if ("complaint" in parsed) console.error(`${parsed.complaint}. See who --help.`);
    else if ("complaints" in loaded) for (const complaint of loaded.complaints) console.error(complaint);
    return USAGE_ERROR;
  }
  const { config } = loaded;
  try {
    const { answer, text, json } = await who(parsed.question, config, {
      ...ownerDeps(config, { ...MACHINE, log: warn }),
      signal: AbortSignal.timeout(ONCE_TIMEOUT_MS),
    });
    console.log(parsed.json ? json : text.trimEnd());
    return answer.candidates.length > 0 ? FOUND : NOBODY;
  } catch (error) {
    if (!(error instanceof NoTable)) throw error;
    console.error(error.message);
    return UNREADABLE;
  }
}

function warn({ level, event, reason = event, remedy, complaint }: LogLine): void {
  if (level !== "info")
    console.error([reason, complaint, remedy].filter((part) => part !== undefined).join("; "));
}

async function report(config: Config): Promise<number> {
  for (const reason of unknown()) log({ level: "warning", event: "unknown-settings", reason });
  let unsent = () => 0;
  const stop = stopOf(process, (signal) => {
    const reason = `not done in time after ${signal}`;
    log({ level: "warning", event: "stopped", reason, unsent: unsent() });
    void exitNow(0, () => process.kill(process.pid, "SIGKILL"));
  });
  try {
    await serve(config, MACHINE, stop, (waiting) => {
      unsent = waiting;
    });
    return 0;
  } catch (error) {
    if (!(error instanceof Unreadable || error instanceof SpoolLocked)) throw error;
    console.error(error.message);
    return error instanceof Unreadable ? UNREADABLE : USAGE_ERROR;
  }
}
