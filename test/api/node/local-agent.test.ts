import { test } from "vitest";
import { runLocalAgent } from "../../../api/node/local-agent.ts";
import type { LogEvent } from "../../../api/router.ts";

/** Runs a script in place of the agent; `sleeps` are the times waited between starts, of which there are `rounds`. */
async function run(script: string, { rounds = 3, runsMs = 0 } = {}) {
  const events: LogEvent[] = [];
  const sleeps: number[] = [];
  const stop = new AbortController();
  let now = 0;
  await runLocalAgent(
    {
      command: [process.execPath, "-e", script],
      env: {},
      log: (event) => void events.push(event),
      now: () => (now += runsMs),
      sleep: async (ms) => {
        sleeps.push(ms);
        if (sleeps.length === rounds) stop.abort();
      },
    },
    stop.signal,
  );
  return { events, sleeps };
}

test("an agent that cannot read the table is let be, and it is said", async ({ expect }) => {
  const { events, sleeps } = await run("process.exit(3)");
  expect(events).toEqual([
    { level: "warning", event: "agent-not-running", reason: expect.stringContaining("no conntrack table") },
  ]);
  expect(sleeps).toEqual([]);
});

test.for([
  { code: 0, reason: "somebody stopped it" },
  { code: 2, reason: "its configuration is wrong" },
])("an agent that ends with $code is let be", async ({ code, reason }, { expect }) => {
  const { events } = await run(`process.exit(${code})`);
  expect(events).toMatchObject([{ event: "agent-not-running", reason: expect.stringContaining(reason) }]);
});

test("an agent that crashes is started again, less and less often", async ({ expect }) => {
  const { events, sleeps } = await run("process.exit(1)", { rounds: 8 });
  expect(sleeps).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  expect(events[0]).toEqual({ level: "error", event: "agent-crashed", reason: 1, restartInMs: 1000 });
});

test("an agent that ran long before it crashed is started again soon", async ({ expect }) => {
  const { sleeps } = await run("process.kill(process.pid, 'SIGKILL')", { runsMs: 60_000 });
  expect(sleeps).toEqual([1000, 1000, 1000]);
});

test("a program that cannot be started is told, and tried again", async ({ expect }) => {
  const events: LogEvent[] = [];
  const stop = new AbortController();
  const sleep = async () => stop.abort();
  const log = (event: LogEvent) => void events.push(event);
  await runLocalAgent({ command: ["/nowhere/node"], env: {}, log, now: () => 0, sleep }, stop.signal);
  expect(events).toMatchObject([{ event: "agent-crashed", reason: expect.stringContaining("ENOENT") }]);
});

test("an agent ends with the service", async ({ expect }) => {
  const stop = new AbortController();
  const log = () => {};
  const sleep = async () => {};
  const command = [process.execPath, "-e", "setInterval(() => {}, 1000)"];
  const ended = runLocalAgent({ command, env: {}, log, now: () => 0, sleep }, stop.signal);
  stop.abort();
  expect(await ended).toBe(undefined);
});
