import { once } from "node:events";
import { watch } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { identityOf } from "../../agent/spool/name.ts";
import { missing, type Network, openNetwork } from "../support/namespaces.ts";
import { openCollector, startAgent } from "./agents.ts";

const reason = missing();
let network: Network;
let spool: string;

beforeAll(async () => {
  if (reason) return;
  spool = await mkdtemp(join(tmpdir(), "conntrail-outage-"));
  network = await openNetwork();
});
afterAll(async () => {
  await network?.dispose();
  if (spool) await rm(spool, { recursive: true });
});
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** Sequence numbers of what waits in the spool, in order, once there are so many. */
async function spooled(count: number): Promise<number[]> {
  const watcher = watch(spool);
  try {
    for (;;) {
      const change = once(watcher, "change");
      const numbers = (await readdir(spool)).flatMap((name) => identityOf(name)?.sequence ?? []);
      if (numbers.length >= count) return numbers.toSorted((a, b) => a - b);
      await change;
    }
  } finally {
    watcher.close();
  }
}

test("through an outage and a kill every report arrives or is declared, the newest first, and a spool is one agent's", async ({
  expect,
}) => {
  const env = { CONNTRAIL_SPOOL: spool };
  const killed = startAgent(network, env);
  await spooled(2);
  const second = startAgent(network, env);
  const [code] = (await once(second.child, "exit")) as [number];
  expect(code).toBe(2);
  expect(second.complaints).toContain(spool);

  killed.child.kill("SIGKILL");
  await once(killed.child, "exit");
  const left = await spooled(2);
  startAgent(network, env);
  const waiting = await spooled(left.length + 1);
  const collector = await openCollector(network);
  const { reports } = collector;
  const accounted = () =>
    reports.flatMap(({ sequence, dropped = [] }) => [
      sequence,
      ...dropped.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
    ]);
  await collector.until(() => waiting.every((sequence) => accounted().includes(sequence)));

  // A run goes on from the clock, so that between two runs there is a jump, and none within.
  const numbers = accounted().toSorted((a, b) => a - b);
  const [ofKilled, ofNext] = [numbers.slice(0, left.length), numbers.slice(left.length)];
  for (const run of [ofKilled, ofNext]) expect(run).toEqual(run.map((_, i) => run[0]! + i));
  expect(ofKilled).toEqual(left);
  expect(reports[0]!.sequence).toBeGreaterThanOrEqual(waiting.at(-1)!);
  expect(reports.every(({ node }) => node.name === "node-1")).toBe(true);
});
