import { join } from "node:path";
import { beforeEach, describe, test } from "vitest";
import { BURST_HOST, BURST_PORT, type ListenOptions } from "../support/listen.ts";
import { type Listener, openListener } from "../support/listener.ts";
import {
  missing,
  NODE_V4,
  type Network,
  openNetwork,
  POD_V4,
  ready,
  SERVER_V4,
} from "../support/namespaces.ts";

const FILL_TABLE = join(import.meta.dirname, "../bench/fill-table.ts");
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
    expect(all).toMatchObject({
      ...{ drained: true, new: FLOWS, destroy: FLOWS, endedOnce: FLOWS, strangers: 0, update: 0 },
      ...{ overruns: 0, losses: 0, lost: 0, unreadable: 0 },
    });
    expect(all.ticks).toBeGreaterThan(10);
    expect(await listener.stop()).toBe(0);
  });
});
