import { test } from "vitest";
import { openHttp } from "../../agent/http.ts";
import type { LogLine } from "../../agent/log.ts";
import { post } from "../../agent/push.ts";
import { Sender } from "../../agent/sender.ts";
import { type Chaos, startChaosProxy } from "../support/chaos-proxy.ts";
import { startCollector } from "../support/collector.ts";
import { aBacklog, aParcel, aSpoolFolder, reportsIn } from "../support/spools.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const REPORTS = 6;
const PASS: Chaos = { do: "pass" };
const answer = (status: number, headers: Record<string, string> = {}, body = ""): Chaos => ({
  do: "answer",
  status,
  headers,
  body,
});
const in17s = new Date(NOW + 17_000).toUTCString();

/** Sends six reports from a spool through a proxy that does these things in turn, and then passes all. */
async function sendThrough(...plan: Chaos[]) {
  const collector = await startCollector();
  const url = await startChaosProxy(collector.url, () => plan.shift() ?? PASS);
  const folder = await aSpoolFolder();
  const { backlog } = await aBacklog(folder);
  const logged: LogLine[] = [];
  const slept: number[] = [];
  const postTo = openHttp(false);
  let patience = new AbortController();
  const sender = new Sender(
    {
      post: (parcel) => {
        patience = new AbortController();
        return post({ postTo, now: () => NOW, signal: patience.signal }, { url, token: "t" }, parcel);
      },
      shrink: async () => undefined,
      sleep: async (ms) => {
        await new Promise((resolve) => void setImmediate(resolve));
        slept.push(ms);
      },
      random: () => 0,
      log: (line) => void logged.push(line),
    },
    backlog,
  );
  for (const step of plan) if (step.do === "hang") step.hanging = () => patience.abort(new Error("too slow"));
  for (let sequence = 1; sequence <= REPORTS; sequence += 1) await sender.offer(await aParcel(sequence));
  const run = sender.run();
  while (sender.unsent > 0) await new Promise((resolve) => void setImmediate(resolve));
  sender.stop();
  await run;
  const delays = logged.filter(({ event }) => event === "report-delayed").map(({ reason }) => String(reason));
  return { ...collector, left: await reportsIn(folder), delays, slept, rejected: sender.rejected };
}

const hang = (): Chaos => ({ do: "hang", hanging: () => {} });

test.for<[string, Chaos[], string[], number]>([
  ["resets connections", [{ do: "reset" }, { do: "reset" }], ["ECONNRESET", "ECONNRESET"], 0],
  ["resets after the server has stored", [{ do: "reset-after" }], ["ECONNRESET"], 1],
  ["breaks answers off", [{ do: "half" }, PASS, { do: "half" }], ["aborted", "aborted"], 2],
  ["is slow", [{ do: "slow" }, { do: "slow" }], [], 0],
  ["never answers", [hang(), hang()], ["too slow", "too slow"], 2],
  ["answers garbage", [{ do: "garbage" }, { do: "garbage" }], ["Parse Error", "Parse Error"], 0],
  [
    "fails",
    [answer(500), answer(502), answer(503), answer(504), answer(507)],
    ["500", "502", "503", "504", "507"],
    0,
  ],
  [
    "asks for patience",
    [answer(429, { "retry-after": "17" }), answer(503, { "retry-after": in17s })],
    ["429", "503"],
    0,
  ],
  ["welcomes", [answer(200, {}, "<h1>Welcome</h1>"), answer(204)], ["200", "204"], 0],
  ["sends elsewhere", [answer(301, { location: "/" }), answer(404), answer(405)], ["301", "404", "405"], 0],
  ["locks out", [answer(401), answer(403), answer(407 + 1)], ["401", "403", "408"], 0],
])(
  "through a proxy that %s everything arrives, and counts once",
  async ([, plan, delays, duplicates], { expect }) => {
    const end = await sendThrough(...plan);
    expect([end.stored.size, end.left, end.rejected]).toEqual([REPORTS, [], 0]);
    expect(end.duplicates()).toBe(duplicates);
    expect(end.delays).toEqual(delays.map((word) => expect.stringContaining(word)));
  },
);

test.for([
  [{ "retry-after": "17" }, 17_000],
  [{ "retry-after": in17s }, 17_000],
  [{ "retry-after": "100000" }, 900_000],
  [{}, 0],
] as const)("with %j a report waits %i ms", async ([headers, ms], { expect }) => {
  for (const status of [408, 425, 429, 500, 503]) {
    const { slept } = await sendThrough(answer(status, headers));
    expect(slept[0]).toBe(ms);
  }
});
