import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BUNDLE, buildAgent } from "../../agent/build.ts";
import type { Received } from "./receiver.ts";

const RECEIVER = join(import.meta.dirname, "receiver.ts");
const PORT = 18_788;

/** The built agent while it runs. */
export interface RunningAgent {
  /** The next report it sends. */
  next(): Promise<Received>;
  /** CPU time of all its threads up to now, in ms. */
  cpuMs(): number;
  /** Resident memory in MB, now and at most. */
  memory(): { rssMb: number; peakMb: number };
  end(): Promise<void>;
}

/** The agent's single file, in a folder of its own that goes when disposed. */
export async function builtAgent(): Promise<Disposable & { path: string }> {
  const folder = mkdtempSync(join(tmpdir(), "conntrail-built-"));
  await buildAgent(folder);
  return { path: join(folder, BUNDLE), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

/** Starts a built agent in a namespace as its image does, with a server there that takes what it sends. */
export async function startAgent(
  path: string,
  namespace: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningAgent> {
  const receiver = inside(namespace, [RECEIVER, String(PORT)]);
  const lines = createInterface(receiver.stdout!)[Symbol.asyncIterator]();
  await lines.next();
  const agent = inside(namespace, [path], {
    NODE_ENV: "production",
    MALLOC_ARENA_MAX: "2",
    MALLOC_MMAP_THRESHOLD_: "65536",
    CONNTRAIL_URL: `http://127.0.0.1:${PORT}`,
    CONNTRAIL_TOKEN: "bench",
    CONNTRAIL_OWNERS: "none",
    ...env,
  });
  agent.stdout?.resume();
  return {
    next: async () => JSON.parse((await lines.next()).value as string) as Received,
    cpuMs: () => cpuMs(agent.pid!),
    memory: () => {
      const status = readFileSync(`/proc/${agent.pid}/status`, "utf8");
      return { rssMb: kilobytes(status, "VmRSS") / 1024, peakMb: kilobytes(status, "VmHWM") / 1024 };
    },
    end: async () => {
      await end(agent);
      await end(receiver);
    },
  };
}

/** `ip netns exec` becomes the command, so the child's process id is that of Node. */
function inside(namespace: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const { NODE_COMPILE_CACHE: _, ...own } = process.env;
  return spawn("ip", ["netns", "exec", namespace, process.execPath, ...args], {
    env: { ...own, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

/** The scheduler counts in nanoseconds what /proc/PID/stat gives in hundredths of a second (proc(5), schedstat). */
function cpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const spent = tasks.map(
    (task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0],
  );
  return spent.reduce((sum, nanoseconds) => sum + Number(nanoseconds) / 1e6, 0);
}

const kilobytes = (status: string, name: string) =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
