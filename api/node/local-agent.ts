import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { LogEvent } from "../router.ts";

/** What the agent ends with when its configuration is wrong, and when no conntrack can be read; it says why itself. */
const MISCONFIGURED = 2;
const UNREADABLE = 3;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/** Whoever ran this long did not crash because of how it was started. */
const STABLE_MS = 60_000;
/** The agent flushes and ends within five seconds of SIGTERM. */
const STOP_MS = 5_000;

export interface LocalAgent {
  /** Command line of the agent. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  log: (event: LogEvent) => void;
  now: () => number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Runs the agent of this machine until `signal` aborts, and again where it crashes. Resolves when it has ended. */
export async function runLocalAgent(agent: LocalAgent, signal: AbortSignal): Promise<void> {
  let backoffMs = FIRST_BACKOFF_MS;
  while (!signal.aborted) {
    const startedAt = agent.now();
    const end = await runOnce(agent, signal);
    if (signal.aborted) return;
    const reason = final(end);
    if (reason) return agent.log({ level: "warning", event: "agent-not-running", reason });
    if (agent.now() - startedAt >= STABLE_MS) backoffMs = FIRST_BACKOFF_MS;
    agent.log({ level: "error", event: "agent-crashed", reason: end, restartInMs: backoffMs });
    await agent.sleep(backoffMs, signal);
    backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
  }
}

/** Its lines go where ours go; through pipes, so that it does not outlive a service that was killed for long. Gives the exit code, or the signal or error that ended it. */
async function runOnce({ command, env }: LocalAgent, signal: AbortSignal): Promise<number | string> {
  const [program = process.execPath, ...args] = command;
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const stop = () => stopChild(child);
  signal.addEventListener("abort", stop);
  try {
    const [code, ended] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? ended ?? "unknown";
  } catch (error) {
    return (error as Error).message;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function stopChild(child: ChildProcess): void {
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  child.once("exit", () => clearTimeout(late));
}

/** Why starting it again would not help; undefined where it might. */
function final(end: number | string): string | undefined {
  if (end === UNREADABLE)
    return "no conntrack table can be read here, see above; the service goes on without an agent";
  if (end === MISCONFIGURED)
    return "its configuration is wrong, see above; the service goes on without an agent";
  return end === 0 ? "somebody stopped it; the service goes on without an agent" : undefined;
}
