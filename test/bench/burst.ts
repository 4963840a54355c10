import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BURST_HOST, BURST_PORT } from "../support/burst.ts";
import { type Listener, openListener } from "../support/listener.ts";
import { missing, type Network, openNetwork, ready, SERVER_V4 } from "../support/namespaces.ts";
import { type Figure, median } from "./figure.ts";
import { prepareUlogd } from "./ulogd.ts";

const TRAFFIC = join(import.meta.dirname, "../support/traffic.ts");
const FILL_TABLE = join(import.meta.dirname, "fill-table.ts");

const FLOWS = 100_000;
/** With these the table of the last figure stays under the 262,144 entries a kernel allows by default. */
const TABLE = 200_000;
const RATE_FLOWS = 60_000;
const ROUNDS = 5;
/** /proc/PID/stat counts in hundredths of a second, everywhere (USER_HZ). */
const CLOCK_TICK_MS = 10;
/** As large as conntrack is asked to make its buffer here, and as ours is. */
const BUFFER_BYTES = 32 << 20;
/** A tool whose file has not grown for so long has written what it heard. */
const QUIET_MS = 2_000;

/** What was heard of a burst of flows and of their end, by us and by the usual tools, and what listening costs others. */
export async function benchBurst(): Promise<Figure[]> {
  const reason = missing();
  if (reason) throw new Error(reason);
  const folder = mkdtempSync(join(tmpdir(), "conntrail-burst-"));
  process.env["NODE_COMPILE_CACHE"] = join(folder, "compiled");
  try {
    return [
      ...(await heard("ours", ours)),
      ...(await heard("conntrack -E", (network) => conntrack(network, join(folder, "events.txt")))),
      ...(await heard("ulogd2 to SQLite", (network) => ulogd(network, folder))),
      ...(await rates()),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Heard {
  new: number;
  destroy: number;
  /** Of all threads, since it listens. */
  cpuMs: number;
  rssMb: number;
}

async function heard(name: string, hear: (network: Network) => Promise<Heard | string>): Promise<Figure[]> {
  await using network = await openNode();
  const result = await hear(network);
  if (typeof result === "string") {
    console.error(`left out ${name}: needs ${result}`);
    return [];
  }
  const is = name === "ours";
  const label = `burst of ${FLOWS.toLocaleString("en-US")} flows, ${name}`;
  return [
    { name: `${label}, NEW`, value: result.new, unit: "events", ...(is && { bar: "all" }) },
    { name: `${label}, DESTROY`, value: result.destroy, unit: "events", ...(is && { bar: "all" }) },
    {
      name: `${label}, CPU of an event`,
      value: (result.cpuMs * 1000) / (result.new + result.destroy),
      unit: "µs",
      ...(is && { bar: "≤ 4" }),
    },
    { name: `${label}, resident`, value: result.rssMb, unit: "MB" },
  ];
}

async function openNode(): Promise<Network> {
  const network = await openNetwork();
  for (const line of [
    "echo 900 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout",
    `ip route add ${BURST_HOST}/15 via ${SERVER_V4} dev outside`,
  ])
    await network.exec(network.node, "sh", ["-c", line]);
  return network;
}

/** Milliseconds in which one core sent the first packets of that many flows; throws where not all were tracked. */
async function burst(network: Network, flows: number): Promise<number> {
  const before = await entries(network);
  const act = ["burst", BURST_HOST, BURST_PORT, flows].map(String);
  const child = network.spawn(network.pods[0], process.execPath, [TRAFFIC, ...act]);
  const line = await ready(child);
  child.kill();
  const tracked = (await entries(network)) - before;
  if (tracked !== flows) throw new Error(`of ${flows} flows ${tracked} reached the node: try again`);
  return Number(line.split(" ")[2]);
}

const entries = async (network: Network) =>
  Number((await network.exec(network.node, "conntrack", ["-C"])).stdout);
const flush = (network: Network) => network.exec(network.node, "conntrack", ["-F"]);
const listen = (network: Network) =>
  openListener((command, args) => network.spawn(network.node, command, args));

async function ours(network: Network): Promise<Heard> {
  // The first start fills the cache of compiled sources, as the service's installation does.
  await (await listen(network)).stop();
  const listener = await listen(network);
  const before = await listener.counts();
  await burst(network, FLOWS);
  await flush(network);
  const after = await listener.counts();
  await listener.stop();
  return { ...after, cpuMs: after.cpuMs - before.cpuMs };
}

async function conntrack(network: Network, file: string): Promise<Heard> {
  const line = `exec conntrack -E -e NEW,DESTROY -b ${BUFFER_BYTES} >${file}`;
  const child = network.spawn(network.node, "sh", ["-c", line], { stderr: "ignore" });
  const cost = await burstAndFlush(network, child, file);
  const text = readFileSync(file, "utf8");
  const count = (event: string) => text.split(event).length - 1;
  return { ...cost, new: count("[NEW]"), destroy: count("[DESTROY]") };
}

async function ulogd(network: Network, folder: string): Promise<Heard | string> {
  const prepared = prepareUlogd(folder);
  if (typeof prepared === "string") return prepared;
  const child = network.spawn(network.node, "ulogd", prepared.args, { stderr: "ignore" });
  const cost = await burstAndFlush(network, child, join(folder, "flows.sqlite"));
  return { ...cost, ...prepared.rows() };
}

/** Waits for a tool to listen, gives it a burst and its end, each time for it to write down what it heard, and ends it. */
async function burstAndFlush(network: Network, child: ChildProcess, file: string) {
  while (!listening(child)) await setTimeout(50);
  await burst(network, FLOWS);
  await settled(file);
  await flush(network);
  await settled(file);
  const cost = costOf(child);
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
  return cost;
}

/** Resolves once a file has not grown for some time. */
export async function settled(file: string): Promise<void> {
  for (let size = -1; size !== statSync(file).size; await setTimeout(QUIET_MS)) size = statSync(file).size;
}

/** Whether a process has a socket of NETLINK_NETFILTER in a multicast group. */
export function listening({ pid, exitCode }: ChildProcess): boolean {
  if (exitCode !== null) throw new Error(`the tool ended with ${exitCode} before it listened`);
  const sockets = readFileSync(`/proc/${pid}/net/netlink`, "utf8").trim().split("\n").slice(1);
  return sockets.some((line) => {
    const [, protocol, , groups] = line.trim().split(/\s+/);
    return protocol === "12" && Number.parseInt(groups ?? "0", 16) !== 0;
  });
}

/** From /proc/PID/stat, whose fields 14 and 15 are user and system time, and /proc/PID/status. */
function costOf({ pid }: ChildProcess): { cpuMs: number; rssMb: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS,
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}

/** How many new flows a second one core gets through the node, while others listen and read. */
async function rates(): Promise<Figure[]> {
  const rounds: Rates[] = [];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push(await rateRound());
  const flows = (name: string, of: keyof Rates): Figure => {
    return { name, value: median(rounds.map((round) => round[of])), unit: "flows/s" };
  };
  const lost = (name: string, of: keyof Rates): Figure => {
    return { name, value: median(rounds.map((round) => 1 - round[of] / round.alone)) * 100, unit: "%" };
  };
  return [
    flows("new flows, nobody listens", "alone"),
    flows("new flows, we listen", "heard"),
    flows(`new flows, we listen and read ${TABLE.toLocaleString("en-US")} entries again and again`, "read"),
    lost("new flows lost to listening", "heard"),
    lost("new flows lost to listening and reading all the time", "read"),
  ];
}

interface Rates {
  alone: number;
  heard: number;
  read: number;
}

/** One after the other, so that what else the machine does weighs on all three alike. */
async function rateRound(): Promise<Rates> {
  await using network = await openNode();
  const rate = async () => (RATE_FLOWS / (await burst(network, RATE_FLOWS))) * 1000;
  // The first one pays for memory that the kernel then keeps at hand.
  await rate();
  await flush(network);
  const alone = await rate();
  await flush(network);
  const listener = await listen(network);
  const heardRate = await rate();
  await listener.stop();
  await flush(network);
  await network.exec(network.node, process.execPath, [FILL_TABLE, String(TABLE)]);
  const stop = dumping(await listen(network));
  const read = await rate();
  await stop();
  return { alone, heard: heardRate, read };
}

/** Reads the table again and again until told to stop. */
function dumping(listener: Listener): () => Promise<unknown> {
  const state = { stopped: false };
  const reading = (async () => {
    while (!state.stopped) await listener.dump();
  })();
  return async () => {
    state.stopped = true;
    await reading;
    await listener.stop();
  };
}
