import { join } from "node:path";
import { beforeEach, describe, test } from "vitest";
import { BURST_HOST, BURST_PORT } from "../support/burst.ts";
import type { ListenOptions } from "../support/listen.ts";
import { type Listener, openListener } from "../support/listener.ts";
import { missing, NODE_V4, type Network, openNetwork, POD_V4, SERVER_V4 } from "../support/namespaces.ts";

const FILL_TABLE = join(import.meta.dirname, "../bench/fill-table.ts");
const PORT = 8080;
const FLOWS = 100_000;
/** With the burst, a little less than the 262,144 entries that a kernel allows by default. */
const TABLE = 160_000;

const reason = missing();
let network: Network;

beforeEach(async (context) => {
  if (reason) context.skip(reason);
  network = await openNetwork();
  // Nothing may expire by itself, and what the burst is sent to is far away behind the server, which drops it.
  for (const line of [
    "echo 900 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout",
    `ip route add ${BURST_HOST}/15 via ${SERVER_V4} dev outside`,
  ])
    await network.exec(network.node, "sh", ["-c", line]);
});
beforeEach(() => () => network?.dispose());

const listen = (options: ListenOptions = {}, run: readonly string[] = []): Promise<Listener> =>
  openListener((command, args) => {
    const [first, ...rest] = [...run, command, ...args];
    return network.spawn(network.node, first!, rest);
  }, options);

const entries = async (): Promise<number> => {
  const { stdout } = await network.exec(network.node, "conntrack", ["-C"]);
  return Number(stdout);
};

/** New flows through the node. A full backlog of the receiving CPU may drop some: these are sent again, as new flows. */
async function burst(flows: number): Promise<void> {
  const before = await entries();
  for (let attempt = 0; attempt < 5 && (await entries()) < before + flows; attempt += 1)
    (await network.traffic(network.pods[0], "burst", BURST_HOST, BURST_PORT, flows)).kill();
}

/** Nothing was lost on the way. */
const COMPLETE = { drained: true, update: 0, overruns: 0, losses: 0, lost: 0, unreadable: 0 };

const flush = () => network.exec(network.node, "conntrack", ["-F"]);

describe("events of a live kernel", () => {
  test("of a burst of 100,000 flows every beginning and every end arrives once", async ({ expect }) => {
    const listener = await listen({ ticks: true });
    await burst(FLOWS);
    const begun = await listener.counts();
    expect(await entries()).toBe(FLOWS);
    expect(begun).toMatchObject({ drained: true, new: FLOWS, began: FLOWS, destroy: 0, update: 0 });
    await flush();
    const all = await listener.counts();
    expect(all).toMatchObject({ ...COMPLETE, new: FLOWS, destroy: FLOWS, endedOnce: FLOWS, strangers: 0 });
    expect(all.ticks).toBeGreaterThan(10);
    expect(await listener.stop()).toBe(0);
  });

  test("dumps of a large table go on during a burst, to their ends, and cost no event", async ({
    expect,
  }) => {
    await network.exec(network.node, process.execPath, [FILL_TABLE, `${TABLE}`]);
    const listener = await listen();
    const dumpWhile = async (act: Promise<unknown>) => {
      const acting = { done: false };
      const ended = act.then(() => (acting.done = true));
      do expect((await listener.dump()).entries).toBeGreaterThanOrEqual(TABLE);
      while (!acting.done);
      await ended;
    };
    await dumpWhile(burst(FLOWS));
    expect(await listener.counts()).toMatchObject({ ...COMPLETE, new: FLOWS, began: FLOWS });
    const deletion = `-D -p udp --orig-dst ${BURST_HOST} --mask-dst 255.254.0.0`;
    await dumpWhile(network.exec(network.node, "conntrack", deletion.split(" ")));
    expect(await listener.counts()).toMatchObject({ ...COMPLETE, destroy: FLOWS, endedOnce: FLOWS });
  });

  test("a buffer that is too small is told, every lost event is counted, and the stream goes on", async ({
    expect,
  }) => {
    const listener = await listen({ receiveBytes: 65_536 });
    await burst(20_000);
    const counts = await listener.counts();
    expect(counts.overruns).toBeGreaterThan(0);
    expect(counts.losses).toBe(counts.overruns);
    expect(counts.drained).toBe(true);
    expect(counts.new).toBeLessThan(20_000);
    // An acknowledgement may be among what was lost.
    expect([20_000, 20_001]).toContain(counts.new + counts.lost);
    await network.traffic(network.pods[0], "burst", "198.19.0.0", BURST_PORT, 20);
    expect(await listener.counts()).toMatchObject({ drained: true, new: counts.new + 20 });
  });

  test("a flow's beginning and end carry one id, both tuples, and what was counted", async ({ expect }) => {
    const settings =
      "cd /proc/sys/net/netfilter; echo 1 > nf_conntrack_acct; echo 1 > nf_conntrack_timestamp";
    await network.exec(network.node, "sh", ["-c", settings]);
    const listener = await listen();
    await listener.rows();
    const before = Date.now();
    await network.traffic(network.pods[1], "udp-silent", SERVER_V4, 9, 1);
    const after = Date.now();
    await flush();
    const [begun, end, ...others] = (await listener.rows()).filter(({ protocol }) => protocol === 17);
    expect(others).toEqual([]);
    expect(begun).toMatchObject({
      event: "new",
      orig: { src: POD_V4[1], dst: SERVER_V4, dport: 9 },
      reply: { src: SERVER_V4, dst: NODE_V4, sport: 9 },
    });
    expect(end).toMatchObject({ event: "destroy", orig: begun?.orig, reply: begun?.reply, id: begun?.id });
    expect(end?.counters?.[0]).toBe(1);
    expect(end?.startedAt).toBeGreaterThanOrEqual(before - 1);
    expect(end?.startedAt).toBeLessThanOrEqual(after + 1);
    expect(begun?.id).not.toBe(0);
  });

  test("changes of state come only when they are asked for", async ({ expect }) => {
    const [without, withUpdates] = [await listen(), await listen({ updates: true })];
    await network.traffic(network.server, "serve", PORT);
    await network.traffic(network.pods[0], "tcp", SERVER_V4, PORT, 1);
    await flush();
    expect(await without.counts()).toMatchObject({ new: 1, update: 0, destroy: 1 });
    const { update } = await withUpdates.counts();
    expect(update).toBeGreaterThan(1);
  });

  test("an abort ends a stream that waits, and the process with it", async ({ expect }) => {
    const listener = await listen();
    expect(await listener.counts()).toMatchObject({ ...COMPLETE, new: 0 });
    expect(await listener.stop()).toBe(0);
  });

  test("a process without capabilities is told what it lacks", async ({ expect }) => {
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];
    const error = await listen({}, nobody).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ said: { remedy: expect.stringContaining("CAP_NET_ADMIN") } });
  });
});
