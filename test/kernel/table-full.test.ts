import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { BURST_HOST, BURST_PORT } from "../support/burst.ts";
import { missing, type Network, openNetwork, SERVER_V4 } from "../support/namespaces.ts";
import { sumStatistics } from "../support/statistics.ts";
import { type Collector, openCollector, startAgent } from "./agents.ts";

/** One for all namespaces of the machine. */
const MAX = "/proc/sys/net/netfilter/nf_conntrack_max";
const KMSG = "/dev/kmsg";
/** Room in the table while the burst comes, and what is more than fits. */
const ROOM = 1_000;
const BEYOND = 1_000;
/** Should this process die meanwhile, the limit is set back after so many seconds all the same. */
const GUARD_S = 5;

let network: Network;
let collector: Collector;

const onNode = (line: string) => network.exec(network.node, "sh", ["-c", line]);
const statistics = async () => sumStatistics((await onNode("cat /proc/net/stat/nf_conntrack")).stdout);

/** Why this cannot run here. */
function reasonNow(): string | undefined {
  const reason = missing();
  if (reason) return reason;
  try {
    writeFileSync(MAX, readFileSync(MAX));
  } catch {
    return `needs leave to set ${MAX}, which only the machine's first network namespace has`;
  }
  try {
    closeSync(openSync(KMSG, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch {
    return `needs leave to read ${KMSG}`;
  }
  return undefined;
}
const reason = reasonNow();

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  await onNode(`ip route add ${BURST_HOST}/15 via ${SERVER_V4} dev outside`);
  collector = await openCollector(network);
  await startAgent(network).said("started");
});
afterAll(() => network?.dispose());
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** Runs `act` while a table may have no more entries than this; the limit is set back for certain. */
async function limitedTo(entries: number, act: () => Promise<unknown>): Promise<void> {
  const limit = readFileSync(MAX, "utf8").trim();
  const restore = `sleep ${GUARD_S}; [ $(cat ${MAX}) != ${entries} ] || echo ${limit} > ${MAX}`;
  const guard = spawn("sh", ["-c", restore], { detached: true, stdio: "ignore" });
  guard.unref();
  try {
    writeFileSync(MAX, String(entries));
    await act();
  } finally {
    // Whoever has set another limit meanwhile keeps it.
    if (Number(readFileSync(MAX, "utf8")) === entries) writeFileSync(MAX, limit);
    process.kill(-guard.pid!, "SIGKILL");
  }
}

test("what a full table refuses is counted, with the kernel's word for it, as of this node's own table", async ({
  expect,
}) => {
  const before = await statistics();
  const used = Number((await onNode("conntrack -C")).stdout);
  await limitedTo(used + ROOM, () =>
    network.traffic(network.pods[0], "burst", BURST_HOST, BURST_PORT, ROOM + BEYOND),
  );
  const after = await statistics();
  const report = await collector.reportAfter();
  const risen = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  const counted = (name: "insertFailed" | "drop" | "earlyDrop") =>
    collector.reports.reduce((sum, { counters }) => sum + counters!.statistics[name]!, 0);
  expect(counted("drop")).toBe(risen("drop"));
  // A few find room all the same: the kernel gives up unanswered flows for them.
  expect(counted("drop") + counted("earlyDrop")).toBeGreaterThanOrEqual(BEYOND - 100);
  expect(counted("insertFailed")).toBe(risen("insert_failed"));
  expect(counted("insertFailed")).toBe(0);
  const lines = collector.reports.map(({ counters }) => counters!.log!.tableFull);
  expect(lines.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  expect(report.dump?.entries).toBeGreaterThanOrEqual(ROOM);
});
