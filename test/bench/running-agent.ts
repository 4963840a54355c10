import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const HERE = import.meta.dirname;
const PORT = 18_788;
const REPORTS = 4;

/** Resident memory in MB of the agent as it runs, in a namespace, after some reports, and the most it had. */
export async function runningAgentMemory(namespace: string): Promise<{ rssMb: number; peakMb: number }> {
  const receiver = inside(namespace, [join(HERE, "receiver.ts"), String(PORT)]);
  const lines = createInterface(receiver.stdout!)[Symbol.asyncIterator]();
  await lines.next();
  const agent = inside(namespace, [join(HERE, "../../agent/main.ts")]);
  try {
    for (let seen = 0; seen < REPORTS; seen += 1) await lines.next();
    const status = readFileSync(`/proc/${agent.pid}/status`, "utf8");
    return { rssMb: kilobytes(status, "VmRSS") / 1024, peakMb: kilobytes(status, "VmHWM") / 1024 };
  } finally {
    await Promise.all([agent, receiver].map(end));
  }
}

/** `ip netns exec` becomes the command, so the child's process id is that of Node. */
function inside(namespace: string, args: readonly string[]): ChildProcess {
  const env = {
    ...process.env,
    CONNTRAIL_URL: `http://127.0.0.1:${PORT}`,
    CONNTRAIL_TOKEN: "bench",
    CONNTRAIL_INTERVAL: "5s",
  };
  return spawn("ip", ["netns", "exec", namespace, process.execPath, ...args], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

const kilobytes = (status: string, name: string) =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
