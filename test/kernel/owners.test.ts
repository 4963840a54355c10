import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import type { Report } from "../../api/wire.ts";
import { rowsOf } from "../support/flow-rows.ts";
import { missing, type Network, openNetwork, POD_V4, SERVER_V4 } from "../support/namespaces.ts";
import { type Agent, type Collector, openCollector, startAgent } from "./agents.ts";

const reason = missing();
let folder: string;
let network: Network;
let collector: Collector;
let agent: Agent;

const owner = (name: string) => ({
  kind: "pod",
  namespace: "shop",
  name,
  workload: name,
  uid: `uid-${name}`,
});
const TICK_MS = 20;
const NAMES = ["cart", "checkout", "search"] as const;
const OWNERS = Object.fromEntries(NAMES.map((name, pod) => [POD_V4[pod], owner(name)]));

/** Put in place as editors and Kubernetes do, by renaming. */
async function give(owners: object): Promise<void> {
  await writeFile(join(folder, "new.json"), JSON.stringify(owners));
  await rename(join(folder, "new.json"), join(folder, "owners.json"));
}

beforeAll(async () => {
  if (reason) return;
  folder = await mkdtemp(join(tmpdir(), "conntrail-owners-"));
  network = await openNetwork();
  await give(OWNERS);
  for (const pod of network.pods) await network.traffic(pod, "udp-silent", SERVER_V4, 9, 3);
  collector = await openCollector(network);
  agent = startAgent(network, { CONNTRAIL_OWNERS: `file:${join(folder, "owners.json")}` });
  await agent.said("started");
});
afterAll(async () => {
  await network?.dispose();
  if (folder) await rm(folder, { recursive: true });
});
beforeEach((context) => {
  if (reason) context.skip(reason);
});

const ownersIn = ({ owners }: Report) =>
  owners!.address.map((address, row) => ({
    address,
    kind: owners!.kind[row],
    namespace: owners!.namespace[row],
    name: owners!.name[row],
    uid: owners!.uid[row],
    since: owners!.since[row],
    until: owners!.until[row],
  }));

test("every source of a report has its owner, and an address that changes hands has both, each for its time", async ({
  expect,
}) => {
  const first = await collector.reportAfter();
  const pod = (name: string) => ({ kind: "pod", namespace: "shop", name, uid: `uid-${name}` });
  expect(first.owners).toMatchObject({ source: "file", complete: true });
  expect(ownersIn(first)).toEqual(
    NAMES.map((name, at) => expect.objectContaining({ address: POD_V4[at], ...pod(name), until: null })),
  );
  const sources = rowsOf(first.flows!).talkers.map((row) => row["source"]);
  expect(sources).toEqual(expect.arrayContaining([...POD_V4]));

  const replaced = Date.now();
  await give({ ...OWNERS, [POD_V4[0]]: owner("refund") });
  const put = Date.now();
  await collector.until((reports) => reports.some(({ owners }) => owners?.name.includes("refund")));
  const told = collector.reports.findIndex(({ owners }) => owners?.name.includes("refund"));
  const change = collector.reports[told]!;
  expect(change.owners?.complete).toBe(false);
  const rows = ownersIn(change).toSorted((a, b) => Number(a.since) - Number(b.since));
  expect(rows).toMatchObject([
    { address: POD_V4[0], ...pod("cart") },
    { address: POD_V4[0], ...pod("refund"), until: null },
  ]);
  const [before, after] = rows;
  expect(before!.until).toBe(after!.since);
  // Dates of files are those of the last tick of the kernel.
  expect(after!.since).toBeGreaterThanOrEqual(replaced - TICK_MS);
  expect(after!.since).toBeLessThanOrEqual(put);
});
